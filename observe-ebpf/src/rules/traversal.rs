//! Requests that climb out of their directory.

use super::{
    request::Request,
    text::{lower, readings},
};

/// Returns how a request climbs out of the directory that it is for.
pub(super) fn climbs(request: &Request<'_>) -> Option<&'static str> {
    path(request.path).or_else(|| request.parameters().find_map(parameter))
}

fn path(raw: &[u8]) -> Option<&'static str> {
    let plain = lower(raw);
    let plain = without_host(&plain);
    let climbs_openly = steps(plain).filter(|step| *step == Step::Up).count();
    readings(raw).find_map(|decoded| {
        let decoded = without_host(&decoded);
        if depth(decoded) < 0 {
            Some("path above its root")
        } else if steps(decoded).filter(|step| *step == Step::Up).count() > climbs_openly {
            Some("hidden dots in the path")
        } else if decoded.contains("..;") {
            Some("dots and a semicolon in the path")
        } else {
            None
        }
    })
}

fn parameter(raw: &[u8]) -> Option<&'static str> {
    readings(raw).find_map(|decoded| {
        let (_, value) = decoded.split_once('=').unwrap_or(("", &decoded));
        let climbs = steps(value).filter(|step| *step == Step::Up).count();
        let is_hidden = value.contains('\0');
        let inner = value.strip_prefix("file://").unwrap_or(value).replace('\\', "/");
        if climbs >= MANY_CLIMBS {
            Some("many dots in a parameter")
        } else if climbs > 0 && (is_hidden || WANTED.iter().any(|file| inner.contains(file))) {
            Some("dots and a well-known file in a parameter")
        } else {
            WANTED_WHOLE.iter().any(|file| inner.starts_with(file)).then_some("well-known file in a parameter")
        }
    })
}

/// What a part of a path does.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Down,
    Stay,
    Up,
}

fn steps(path: &str) -> impl Iterator<Item = Step> {
    path.split(['/', '\\']).map(|part| match part {
        "" | "." => Step::Stay,
        ".." => Step::Up,
        _ => Step::Down,
    })
}

/// Returns how deep a path gets at its highest point; below zero it is above its root.
fn depth(path: &str) -> i64 {
    let mut depth = 0;
    let depths = steps(path).map(|step| {
        depth += match step {
            Step::Down => 1,
            Step::Stay => 0,
            Step::Up => -1,
        };
        depth
    });
    depths.min().unwrap_or(0)
}

fn without_host(target: &str) -> &str {
    let Some((_, rest)) = target.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
        return target;
    };
    rest.get(rest.find('/').unwrap_or(rest.len())..).unwrap_or_default()
}

/// One or two happen where a page links to its neighbours.
const MANY_CLIMBS: usize = 3;
const WANTED: &[&str] = &[
    ".aws/credentials",
    ".env",
    ".git/config",
    ".ssh/",
    "boot.ini",
    "etc/passwd",
    "etc/shadow",
    "proc/self/",
    "web-inf/",
    "win.ini",
    "wp-config.php",
];
const WANTED_WHOLE: &[&str] = &["/etc/passwd", "/etc/shadow", "/proc/self/", "c:/windows/win.ini", "c:/boot.ini"];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(target: &str) -> Option<&'static str> {
        climbs(&Request::parse(format!("GET {target} HTTP/1.1\r\n").as_bytes()).unwrap())
    }

    #[test]
    fn requests_that_climb_are_found() {
        for target in [
            "/../etc/passwd",
            "/static/../../etc/passwd",
            "/static/..%2f..%2fetc/passwd",
            "/static/%2e%2e/x",
            "/a/b/%252e%252e%252fx",
            "/a/..%5cx",
            "/a/b/..%c0%afx",
            "/a/b/%c0%ae%c0%ae/x",
            "/a/..;/manager",
            "http://h/../x",
            "/d?file=../../../../x",
            "/d?file=..%2f..%2f..%2fx",
            "/d?file=../.env",
            "/d?file=..%2f..%2fetc%2fpasswd%00.png",
            "/d?file=..%5c..%5cwindows%5cwin.ini",
            "/d?file=/etc/passwd",
            "/d?file=file:///etc/shadow",
            "/d?file=%2Fproc%2Fself%2Fenviron",
            "/d?..%252f..%252f..%252fx",
        ] {
            assert!(found(target).is_some(), "{target}");
        }
    }

    #[test]
    fn requests_that_stay_are_not() {
        for target in [
            "/",
            "/a/../b",
            "/a/./b//c",
            "/compare/v1...v2",
            "/a..b/..c",
            "/d?next=../home",
            "/d?next=..%2f..%2fhome",
            "/d?range=1..5",
            "/d?q=how to read etc/passwd",
            "/d?url=https://h/a/b",
            "/%7Eme/x%20y",
            "/etc/passwd",
        ] {
            assert_eq!(found(target), None, "{target}");
        }
    }
}
