//! Command lines, as far as the kernel copied them.

use observe_core::command_line::masked_arguments;

/// Masks the first bytes of a command line; `is_cut` says that there was more.
pub(crate) fn shown(bytes: &[u8], is_cut: bool) -> Vec<String> {
    if !is_cut {
        return masked_arguments(bytes);
    }
    let mut arguments = masked_arguments(without_open_authority(bytes));
    if let Some(last) = arguments.last_mut() {
        last.push('…');
    }
    arguments
}

/// Leaves out what follows the last `://`, unless it is seen where the host ends: what is before an `@` that was cut off
/// may be a password.
fn without_open_authority(bytes: &[u8]) -> &[u8] {
    let Some(at) = bytes.windows(3).rposition(|window| window == b"://") else { return bytes };
    let (before, authority) = bytes.split_at(at + 3);
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'\0".contains(byte);
    if authority.iter().any(is_end) { bytes } else { before }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_command_line_that_was_cut_says_so() {
        assert_eq!(shown(b"sh\0-c\0echo aaa", true), ["sh", "-c", "echo aaa…"]);
        assert_eq!(shown(b"sh\0-c\0true\0", false), ["sh", "-c", "true"]);
        assert!(shown(b"", true).is_empty());
    }

    #[test]
    fn a_password_whose_end_was_cut_off_does_not_show() {
        assert_eq!(shown(b"git\0clone\0https://me:hunt", true), ["git", "clone", "https://…"]);
        assert_eq!(shown(b"x\0--token=hunt", true), ["x", "--token=***…"]);
        assert_eq!(shown(b"curl\0http://me:k@h/p\0-", true), ["curl", "http://***@h/p", "-…"]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), is_cut: bool) {
            shown(&bytes, is_cut);
        }
    }
}
