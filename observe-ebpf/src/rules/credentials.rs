//! Passwords that cross the network unencrypted.

use super::{
    observation::Payload,
    request::Request,
    text::{after_prefix, contains, readings},
};

/// Returns what kind of password a payload carries; never the password.
pub(super) fn exposed(payload: &Payload<'_>, request: Option<&Request<'_>>) -> Option<&'static str> {
    let bytes = payload.bytes;
    if let Some(request) = request {
        return in_request(request);
    }
    match payload.destination.port() {
        21 => ftp(bytes),
        23 => None,
        25 | 587 | 2525 => smtp(bytes),
        80 | 8000 | 8080 => form(bytes),
        110 => pop(bytes),
        143 => imap(bytes),
        6379 => redis(bytes),
        _ if payload.source.port() == 23 => telnet(bytes),
        _ => None,
    }
}

fn in_request(request: &Request<'_>) -> Option<&'static str> {
    let is_basic = |name| request.header(name).and_then(|value| argument(value, "basic ")).is_some();
    if is_basic("authorization") {
        Some("Authorization: Basic ***")
    } else if is_basic("proxy-authorization") {
        Some("Proxy-Authorization: Basic ***")
    } else {
        request.parameters().any(is_password).then_some("password=*** in a parameter or form")
    }
}

/// Looks at a form that comes after its request.
fn form(bytes: &[u8]) -> Option<&'static str> {
    let is_form = bytes.iter().all(|byte| byte.is_ascii_graphic()) && !bytes.starts_with(b"{");
    (is_form && bytes.split(|byte| *byte == b'&').any(is_password)).then_some("password=*** in a form")
}

fn is_password(parameter: &[u8]) -> bool {
    let Some(at) = parameter.iter().position(|byte| *byte == b'=') else {
        return false;
    };
    let (name, value) = parameter.split_at(at);
    // The longest name, with every character encoded, is shorter.
    value.len() > 1
        && name.len() <= MAX_NAME
        && readings(name).any(|name| FIELDS.contains(&name.as_str()) || name.ends_with("[password]"))
}

fn ftp(bytes: &[u8]) -> Option<&'static str> {
    let password = argument(bytes, "pass ")?;
    // Nobody keeps these secret.
    let is_anonymous = ANONYMOUS.iter().any(|start| after_prefix(password, start).is_some());
    (!is_anonymous).then_some("FTP PASS ***")
}

fn pop(bytes: &[u8]) -> Option<&'static str> {
    if argument(bytes, "pass ").is_some() {
        return Some("POP3 PASS ***");
    }
    sasl(bytes, "auth ").then_some("POP3 AUTH ***")
}

fn smtp(bytes: &[u8]) -> Option<&'static str> {
    sasl(bytes, "auth ").then_some("SMTP AUTH ***")
}

fn imap(bytes: &[u8]) -> Option<&'static str> {
    let at = bytes.iter().position(|byte| *byte == b' ')?;
    let (tag, rest) = bytes.split_at(at);
    let command = rest.trim_ascii_start();
    if at == 0 || !tag.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    if argument(command, "login ").is_some_and(|names| contains(names, b" ")) {
        return Some("IMAP LOGIN ***");
    }
    sasl(command, "authenticate ").then_some("IMAP AUTHENTICATE ***")
}

/// Looks for the mechanisms that send a password as it is.
fn sasl(bytes: &[u8], command: &str) -> bool {
    argument(bytes, command).is_some_and(|mechanism| {
        ["plain", "login"].iter().any(|plain| {
            after_prefix(mechanism, plain).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
        })
    })
}

fn redis(bytes: &[u8]) -> Option<&'static str> {
    let array = bytes.strip_prefix(b"*").filter(|rest| rest.first().is_some_and(u8::is_ascii_digit));
    let is_auth =
        array.is_some_and(|rest| rest.get(1..).and_then(|rest| after_prefix(rest, "\r\n$4\r\nauth\r\n$")).is_some());
    (is_auth || argument(bytes, "auth ").is_some()).then_some("Redis AUTH ***")
}

/// Looks for the question: the answer comes in single characters.
fn telnet(bytes: &[u8]) -> Option<&'static str> {
    let end = bytes.trim_ascii_end();
    let tail = end.get(end.len().saturating_sub(PROMPT.len())..)?;
    tail.eq_ignore_ascii_case(PROMPT).then_some("Telnet asks for a password")
}

/// Returns what follows a command, if anything does.
fn argument<'a>(bytes: &'a [u8], command: &str) -> Option<&'a [u8]> {
    after_prefix(bytes, command).map(<[u8]>::trim_ascii).filter(|argument| !argument.is_empty())
}

const ANONYMOUS: &[&str] = &["anonymous", "ftp@", "guest"];
const FIELDS: &[&str] = &[
    "j_password",
    "login_password",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "pswd",
    "pwd",
    "user_password",
    "userpassword",
];
const MAX_NAME: usize = 64;
const PROMPT: &[u8] = b"password:";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::rules::{
        Observation,
        testing::{Bench, found_in_payload, is_only, payload},
    };

    #[test]
    fn passwords_are_told_by_kind_and_port() {
        for (port, text, evidence) in [
            (80, "GET /x HTTP/1.1\r\nHost: h\r\nauthorization: basic aHVudGVyMg==\r\n", "Authorization: Basic ***"),
            (3128, "GET http://h/ HTTP/1.1\r\nProxy-Authorization: Basic aHVu", "Proxy-Authorization: Basic ***"),
            (8080, "GET /login?user=me&password=hunter2 HTTP/1.1\r\n", "password=*** in a parameter or form"),
            (
                9000,
                "POST /login HTTP/1.1\r\n\r\nuser=me&user%5Bpassword%5D=hunter2",
                "password=*** in a parameter or form",
            ),
            (80, "username=me&passwd=hunter2", "password=*** in a form"),
            (21, "PASS hunter2\r\n", "FTP PASS ***"),
            (110, "pass hunter2\r\n", "POP3 PASS ***"),
            (110, "AUTH PLAIN aHVudGVyMg==\r\n", "POP3 AUTH ***"),
            (143, "a1 LOGIN me \"hunter2\"\r\n", "IMAP LOGIN ***"),
            (143, "A01 AUTHENTICATE PLAIN\r\n", "IMAP AUTHENTICATE ***"),
            (25, "AUTH LOGIN\r\n", "SMTP AUTH ***"),
            (6379, "*2\r\n$4\r\nAUTH\r\n$7\r\nhunter2\r\n", "Redis AUTH ***"),
        ] {
            assert_eq!(
                found_in_payload(port, text.as_bytes()),
                [("plaintext_credentials".into(), evidence.into())],
                "{text}"
            );
        }
    }

    #[test]
    fn payloads_without_a_password_are_passed_over() {
        for (port, text) in [
            (80, "GET /x HTTP/1.1\r\nAuthorization: Bearer abc\r\n"),
            (80, "GET /x HTTP/1.1\r\nAuthorization: Basic \r\n"),
            (80, "GET /help?topic=password&forgot_password=1&password= HTTP/1.1\r\n"),
            (80, "GET /password=x HTTP/1.1\r\n"),
            (80, "{\"password=x\":1}"),
            (21, "USER me\r\n"),
            (21, "PASS anonymous@example.com\r\n"),
            (21, "PASS\r\n"),
            (110, "APOP me c4c9334bac560ecc979e58001b3e22fb\r\n"),
            (110, "AUTH CRAM-MD5\r\n"),
            (143, "a1 LOGOUT\r\n"),
            (143, "a1 LOGIN\r\n"),
            (25, "AUTH PLAINTEXT x\r\n"),
            (25, "MAIL FROM:<password@example.com>\r\n"),
            (6379, "*1\r\n$4\r\nPING\r\n"),
            (443, "PASS hunter2\r\n"),
            (21, ""),
        ] {
            assert_eq!(found_in_payload(port, text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn telnet_is_known_by_its_question() {
        let ask = |bytes| {
            let mut payload = payload(0, bytes);
            (payload.source, payload.destination) = ("10.0.0.1:23".parse().unwrap(), "192.0.2.7:4000".parse().unwrap());
            Bench::new("").see(Observation::Payload(payload)).len()
        };

        assert_eq!((ask(b"\r\nPassword: "), ask(b"password:"), ask(b"login: "), ask(b"word:")), (1, 1, 0, 0));
    }

    #[test]
    fn what_does_not_leave_the_host_is_not_exposed() {
        let mut local = payload(21, b"PASS hunter2\r\n");
        local.interface = Some("lo");
        let mut loopback = payload(21, b"PASS hunter2\r\n");
        loopback.destination = "127.0.0.1:21".parse().unwrap();

        for payload in [local, loopback] {
            assert_eq!(Bench::new("").see(Observation::Payload(payload)), []);
        }
        assert!(is_only(&found_in_payload(21, b"PASS hunter2\r\n"), "plaintext_credentials"));
    }

    proptest! {
        #[test]
        fn a_password_is_never_shown(secret in "[A-Z]{12}", port in proptest::sample::select(vec![21, 25, 80, 110, 143, 6379])) {
            for text in [
                format!("PASS {secret}\r\n"),
                format!("AUTH PLAIN {secret}\r\n"),
                format!("AUTH {secret}\r\n"),
                format!("a LOGIN me {secret}\r\n"),
                format!("GET /{secret}?{secret}=1&password={secret}' or 1=1-- HTTP/1.1\r\nAuthorization: Basic {secret}\r\n"),
                format!("password={secret}"),
                format!("GET /../{secret} HTTP/1.1\r\nUser-Agent: sqlmap {secret} ${{jndi:{secret}}}\r\n"),
            ] {
                for (_, evidence) in found_in_payload(port, text.as_bytes()) {
                    prop_assert!(!evidence.contains(&secret), "{evidence}");
                }
            }
        }
    }
}
