//! Patterns of names.

/// Tells whether the whole name fits a pattern in which `*` stands for any characters, none included. It takes linear time:
/// what is between stars is looked for from left to right, once each.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_whole_names() {
        for (pattern, name) in
            [("lo", "lo"), ("veth*", "veth1a"), ("*", ""), ("*0", "eth0"), ("e*h*", "eth1"), ("a*a", "aa")]
        {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("lo", "lo0"), ("veth*", "xveth"), ("a*a", "a"), ("", "x"), ("e*h*1", "e1h"), ("a*b*c", "acb")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
