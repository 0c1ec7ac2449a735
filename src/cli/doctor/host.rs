//! Checks of the host, all by reading files below the roots that collectors use.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use observe::{Clock, SystemClock, Timestamp, collectors::Roots};

use super::Check;

/// The files of a host.
#[derive(Debug)]
pub(super) struct Host<'a> {
    roots: &'a Roots,
}

impl<'a> Host<'a> {
    pub(super) const fn new(roots: &'a Roots) -> Self {
        Self { roots }
    }

    /// Runs all checks.
    pub(super) fn checks(&self) -> Vec<Check> {
        vec![
            self.kernel(),
            self.btf(),
            self.capabilities(),
            self.proc(),
            self.pressure(),
            self.cgroup(),
            self.open_files(),
            clock(SystemClock.now(), Path::new(TIME_SYNC)),
        ]
    }

    fn kernel(&self) -> Check {
        const FIX: &str = "collectors work on any, kernel tracing needs 5.8 or later";
        let Ok(release) = self.proc_text("sys/kernel/osrelease") else {
            return Check::limited("kernel", "release unknown", FIX);
        };
        let release = release.trim();
        match version(release) {
            Some(version) if version >= (5, 8) => Check::ok("kernel", release),
            _ => Check::limited("kernel", release, FIX),
        }
    }

    fn btf(&self) -> Check {
        let path = self.roots.sys("kernel/btf/vmlinux");
        if path.exists() {
            return Check::ok("btf", path.display().to_string());
        }
        let detail = format!("{} is absent", path.display());
        Check::limited("btf", detail, "kernel tracing needs a kernel with CONFIG_DEBUG_INFO_BTF")
    }

    fn capabilities(&self) -> Check {
        let status = self.proc_text("self/status").unwrap_or_default();
        let effective = field(&status, "CapEff:").and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
        let has = |bit: u32| effective & (1 << bit) != 0;
        let missing: Vec<&str> = [("CAP_BPF", CAP_BPF), ("CAP_PERFMON", CAP_PERFMON)]
            .into_iter()
            .filter(|&(_, bit)| !has(bit) && !has(CAP_SYS_ADMIN))
            .map(|(name, _)| name)
            .collect();
        if missing.is_empty() {
            return Check::ok("capabilities", "CAP_BPF and CAP_PERFMON");
        }
        let fix = "kernel tracing needs `setcap cap_bpf,cap_perfmon+ep` on the binary";
        Check::limited("capabilities", format!("without {}", missing.join(" and ")), fix)
    }

    fn proc(&self) -> Check {
        let path = self.roots.proc("stat");
        if let Err(error) = fs::read(&path) {
            let detail = format!("{} cannot be read: {error}", path.display());
            return Check::broken("proc", detail, "mount procfs there, or set collectors.roots.proc");
        }
        let mounts = self.proc_text("self/mounts").unwrap_or_default();
        match hidepid(&mounts, &self.roots.proc) {
            Some(value) => {
                let fix = "processes of other users stay unseen: run as root, or as a member of the gid= group";
                Check::limited("proc", format!("mounted with hidepid={value}"), fix)
            }
            None => Check::ok("proc", format!("{} is readable, no pid is hidden", self.roots.proc.display())),
        }
    }

    fn pressure(&self) -> Check {
        match self.proc_text("pressure/cpu") {
            Ok(_) => Check::ok("pressure", "stall information is there"),
            Err(error) => {
                Check::limited("pressure", format!("no stall information: {error}"), "boot the kernel with psi=1")
            }
        }
    }

    fn cgroup(&self) -> Check {
        let root = self.roots.sys("fs/cgroup");
        if root.join("cgroup.controllers").exists() {
            Check::ok("cgroup", "version 2")
        } else if root.join("unified/cgroup.controllers").exists() || root.join("memory").exists() {
            Check::ok("cgroup", "version 1")
        } else {
            let fix = "containers stay unseen: mount cgroup2, or set collectors.roots.sys";
            Check::limited("cgroup", format!("nothing in {}", root.display()), fix)
        }
    }

    fn open_files(&self) -> Check {
        let limits = self.proc_text("self/limits").unwrap_or_default();
        let hard = field(&limits, "Max open files").and_then(|rest| rest.split_whitespace().nth(1));
        match hard.map(|hard| (hard, hard.parse::<u64>())) {
            Some((hard, Ok(limit))) if limit < MIN_OPEN_FILES => {
                let fix = format!("readers keep fewer files open: set LimitNOFILE={MIN_OPEN_FILES} or more");
                Check::limited("open files", format!("at most {hard}"), fix)
            }
            Some((hard, _)) => Check::ok("open files", format!("at most {hard}")),
            None => Check::limited("open files", "limit unknown", "readers keep the default number of files open"),
        }
    }

    fn proc_text(&self, path: &str) -> io::Result<String> {
        fs::read_to_string(self.roots.proc(path))
    }
}

fn clock(now: Timestamp, time_sync: &Path) -> Check {
    if now < EARLIEST {
        return Check::broken("clock", "stands before 2025", "set the clock: every sample carries its time");
    }
    if time_sync.exists() && !time_sync.join("synchronized").exists() {
        return Check::limited("clock", "not synchronised", "see `timedatectl timesync-status`");
    }
    Check::ok("clock", "plausible")
}

/// Returns the text after a label at the start of a line.
fn field<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(label)).map(str::trim)
}

/// Reads `6.1.0-amd64` as (6, 1).
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Returns how the procfs at `root` hides processes of other users, if it does.
fn hidepid<'a>(mounts: &'a str, root: &PathBuf) -> Option<&'a str> {
    let options = mounts.lines().rev().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        (Path::new(words.next()?) == root && words.next()? == "proc").then(|| words.next()).flatten()
    })?;
    let value = options.split(',').find_map(|option| option.strip_prefix("hidepid="))?;
    (!matches!(value, "0" | "off")).then_some(value)
}

const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Below this many open files, descriptors of processes are reopened on each reading.
const MIN_OPEN_FILES: u64 = 4096;

/// 2025-01-01T00:00:00Z.
const EARLIEST: Timestamp = Timestamp::from_millis(1_735_689_600_000);

/// Where systemd-timesyncd leaves its marks.
const TIME_SYNC: &str = "/run/systemd/timesync";

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::cli::doctor::Outcome;

    /// A host made of files.
    struct Fixture {
        folder: TempDir,
        roots: Roots,
    }

    fn fixture(files: &[(&str, &str)]) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let roots = Roots { proc: folder.path().join("proc"), sys: folder.path().join("sys") };
        Fixture { folder, roots }
    }

    fn outcomes(fixture: &Fixture) -> Vec<(&'static str, Outcome)> {
        Host::new(&fixture.roots).checks().into_iter().map(|check| (check.name, check.outcome)).collect()
    }

    #[test]
    fn a_host_that_has_everything_is_ok() {
        let fixture = fixture(&[
            ("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"),
            ("proc/self/status", "Name:\tobserve\nCapEff:\t000001ffffffffff\n"),
            (
                "proc/self/limits",
                "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024   1048576   files\n",
            ),
            ("proc/self/mounts", "proc /proc proc rw,nosuid 0 0\n"),
            ("proc/stat", "cpu 1 2 3\n"),
            ("proc/pressure/cpu", "some avg10=0.00\n"),
            ("sys/kernel/btf/vmlinux", "btf"),
            ("sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
        ]);

        let outcomes = outcomes(&fixture);

        assert!(outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Ok), "{outcomes:?}");
    }

    #[test]
    fn a_host_that_has_nothing_breaks_on_proc_alone() {
        let fixture = fixture(&[]);

        let outcomes = outcomes(&fixture);

        let broken: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Broken).collect();
        assert_eq!(broken, [&("proc", Outcome::Broken)]);
        assert!(fixture.folder.path().exists());
    }

    #[test]
    fn garbage_is_no_reason_to_fail() {
        let fixture = fixture(&[
            ("proc/sys/kernel/osrelease", "not a version"),
            ("proc/self/status", "CapEff:\tzz\n"),
            ("proc/self/limits", "Max open files\n"),
            ("proc/self/mounts", "\n\u{0}\nproc"),
            ("proc/stat", ""),
        ]);

        let outcomes = outcomes(&fixture);

        assert!(outcomes.contains(&("kernel", Outcome::Limited)));
        assert!(outcomes.contains(&("capabilities", Outcome::Limited)));
        assert!(outcomes.contains(&("open files", Outcome::Limited)));
        assert!(outcomes.contains(&("proc", Outcome::Ok)));
    }

    #[test]
    fn hidden_pids_are_noticed_at_the_root_that_is_read() {
        let mounts = "proc /proc proc rw 0 0\nproc /host/proc proc rw,hidepid=invisible,gid=4 0 0\n";

        assert_eq!(hidepid(mounts, &PathBuf::from("/host/proc")), Some("invisible"));
        assert_eq!(hidepid(mounts, &PathBuf::from("/proc")), None);
        assert_eq!(hidepid("proc /proc proc rw,hidepid=0 0 0", &PathBuf::from("/proc")), None);
    }

    #[test]
    fn releases_are_compared_as_numbers() {
        assert_eq!(version("5.10.0"), Some((5, 10)));
        assert_eq!(version("6.1-rc3"), Some((6, 1)));
        assert_eq!(version("6"), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn a_clock_that_was_never_set_is_broken() {
        assert_eq!(clock(Timestamp::default(), Path::new("/nowhere")).outcome, Outcome::Broken);
        assert_eq!(clock(EARLIEST, Path::new("/nowhere")).outcome, Outcome::Ok);
    }

    #[test]
    fn a_clock_that_is_not_synchronised_is_named() {
        let fixture = fixture(&[("timesync/clock", "")]);

        let check = clock(EARLIEST, &fixture.folder.path().join("timesync"));

        assert_eq!(check.outcome, Outcome::Limited);
    }
}
