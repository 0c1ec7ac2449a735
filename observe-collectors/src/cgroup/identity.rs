//! What the path of a control group says about it.

/// Returns the short id of the container whose control group this is.
///
/// The parts of a container that it groups itself are no containers: counted again, they would count twice.
pub(super) fn container(path: &str) -> Option<&str> {
    let (parent, name) = path.rsplit_once('/')?;
    lxc_name(parent, name).or_else(|| long_id(name))
}

/// Finds the id in `docker-ID.scope`, `cri-containerd-ID.scope`, `crio-ID.scope`, `libpod-ID.scope`,
/// `SLICE:cri-containerd:ID` and the bare `ID` of runtimes that do not ask systemd.
fn long_id(name: &str) -> Option<&str> {
    let name = name.strip_suffix(".scope").unwrap_or(name);
    let (runtime, id) = name.split_at_checked(name.len().checked_sub(ID_LEN)?)?;
    let is_hexadecimal = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    // Podman and CRI-O run a monitor beside each container, under the same id.
    let is_own = runtime.is_empty() || (runtime.ends_with(['-', ':']) && !runtime.contains("conmon"));
    if is_hexadecimal && is_own { id.get(..SHORT_ID_LEN) } else { None }
}

/// LXC has names in place of ids.
fn lxc_name<'a>(parent: &str, name: &'a str) -> Option<&'a str> {
    let is_below = parent.ends_with("/lxc") || parent.ends_with("/lxc.payload");
    let name = if is_below { Some(name) } else { name.strip_prefix("lxc.payload.") };
    name.filter(|name| (1..=MAX_NAME_LEN).contains(&name.len()))
}

const ID_LEN: usize = 64;
const SHORT_ID_LEN: usize = 12;
const MAX_NAME_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "4b5c0e2ad1a54bd1b6a1f0c9c1d5b7e94b5c0e2ad1a54bd1b6a1f0c9c1d5b7e9";

    #[test]
    fn containers_are_known_by_the_paths_of_their_runtimes() {
        for path in [
            format!("/docker/{ID}"),
            format!("/system.slice/docker-{ID}.scope"),
            format!("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-{ID}.scope"),
            format!("/kubepods/besteffort/pod1/{ID}"),
            format!("/system.slice/kubepods-pod1.slice:cri-containerd:{ID}"),
            format!("/machine.slice/libpod-{ID}.scope"),
            format!("/kubepods.slice/crio-{ID}.scope"),
        ] {
            assert_eq!(container(&path), Some("4b5c0e2ad1a5"), "{path}");
        }
        assert_eq!(container("/lxc/web"), Some("web"));
        assert_eq!(container("/lxc.payload.db-1"), Some("db-1"));
    }

    #[test]
    fn other_groups_are_no_containers() {
        for path in [
            String::new(),
            "/".into(),
            "/system.slice/ssh.service".into(),
            "/kubepods.slice".into(),
            format!("/docker/{ID}/init.scope"),
            format!("/machine.slice/libpod-conmon-{ID}.scope"),
            format!("/docker/{}", ID.to_uppercase()),
            format!("/docker/x{ID}"),
            "/lxc.monitor.web".into(),
            "/lxc.payload.".into(),
            format!("/lxc/{}", "x".repeat(65)),
        ] {
            assert_eq!(container(&path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_panics(path in ".{0,100}") {
            let _ = container(&path);
        }
    }
}
