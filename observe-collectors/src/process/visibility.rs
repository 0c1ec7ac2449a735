//! Whether procfs hides processes of other users.

use crate::text::{Words, lines};

/// Finds the value of the mount option `hidepid` for the procfs mounted at `root`, if it hides anything.
///
/// `mountinfo` is the content of `/proc/self/mountinfo`. A later mount covers an earlier one.
pub(super) fn hidepid<'a>(mountinfo: &'a [u8], root: &[u8]) -> Option<&'a [u8]> {
    let mounts = lines(mountinfo).filter(|line| Words::new(line).nth(4) == Some(root));
    let options = mounts.last().and_then(|line| Words::new(line).last())?;
    let value = options.split(|&byte| byte == b',').find_map(|option| option.strip_prefix(b"hidepid="))?;
    (!matches!(value, b"0" | b"off")).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_of_the_right_mount_is_found() {
        let mountinfo = b"22 1 0:21 / /sys rw - sysfs sysfs rw,hidepid=9\n\
            23 1 0:22 / /proc rw,relatime shared:5 - proc proc rw,gid=4,hidepid=invisible\n";

        assert_eq!(hidepid(mountinfo, b"/proc"), Some(&b"invisible"[..]));
        assert_eq!(hidepid(mountinfo, b"/host/proc"), None);
    }

    #[test]
    fn a_mount_that_hides_nothing_has_no_value() {
        for options in ["rw", "rw,hidepid=0", "rw,hidepid=off", ""] {
            let line = format!("23 1 0:22 / /proc rw - proc proc {options}");

            assert_eq!(hidepid(line.as_bytes(), b"/proc"), None, "{options}");
        }
        assert_eq!(hidepid(b"garbage\n\xff \xff", b"/proc"), None);
    }
}
