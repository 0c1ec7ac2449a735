//! Samples of processors.

use std::{
    ffi::CString,
    fs,
    hint::black_box,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use observe_core::{KernelBoard, KernelMode};
use observe_ebpf::{Config, Kernel, Profile, ProfileConfig, Profiler, Unavailable};

use crate::host::{Host, alone};

fn start(config: &ProfileConfig) -> Option<Profiler> {
    match Profiler::start(&Kernel::new(KernelBoard::new(KernelMode::Live)), config) {
        Ok(profiler) => Some(profiler),
        Err(reason) => {
            assert!(std::env::var_os("OBSERVE_EBPF_REQUIRE").is_none(), "the kernel must be sampled here: {reason}");
            eprintln!("SKIPPED: profile: {reason}");
            None
        }
    }
}

fn this_process() -> ProfileConfig {
    ProfileConfig { frequency_hz: 999, pid: std::process::id(), ..ProfileConfig::default() }
}

/// Takes samples until they are enough.
fn take_until(profiler: &mut Profiler, is_enough: impl Fn(&Profile) -> bool) -> Profile {
    let mut profile = Profile::default();
    for _ in 0..600 {
        thread::sleep(Duration::from_millis(100));
        profile.merge(profiler.take());
        if is_enough(&profile) {
            return profile;
        }
    }
    panic!("not enough samples: {profile:?}")
}

/// Works until it is dropped.
struct Busy {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Busy {
    fn start(work: fn(&AtomicBool)) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&is_over);
        let thread = thread::Builder::new().name("busy-thread".to_owned()).spawn(move || work(&shared)).unwrap();
        Self { is_over, thread: Some(thread) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Calls nothing for most of its time, so that it is the innermost frame.
#[inline(never)]
fn a_loop_that_is_sampled(is_over: &AtomicBool) {
    let mut number = 1_u64;
    while !is_over.load(Relaxed) {
        let mut turn = 0;
        while turn < 1_000_000 {
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
            turn += 1;
        }
        black_box(number);
    }
}

/// Works at many places, under many names.
fn many_stacks(is_over: &AtomicBool) {
    let mut turn = 0_u32;
    while !is_over.load(Relaxed) {
        turn += 1;
        let name = CString::new(format!("busy-{turn}")).unwrap();
        rustix::thread::set_name(&name).unwrap();
        let mut words: Vec<String> = (0..100).map(|number| format!("{:x}", number * turn)).collect();
        words.sort();
        black_box(words);
        black_box(fs::read("/proc/self/status").unwrap());
    }
}

/// Works for the test below, which runs this in a process of its own.
#[test]
fn a_loop_to_be_sampled() {
    if std::env::var_os(BUSY).is_some() {
        a_loop_that_is_sampled(&AtomicBool::new(false));
    }
}

#[test]
fn a_loop_is_found_by_the_name_of_its_function() {
    let _alone = alone();
    let this = std::env::current_exe().unwrap();
    let mut command = Command::new(this);
    let child = Working::start(command.args(["profile::a_loop_to_be_sampled", "--exact"]).env(BUSY, "1"));
    let Some(mut profiler) = start(&ProfileConfig { pid: child.0.id(), ..this_process() }) else { return };

    let profile = take_until(&mut profiler, |profile| profile.samples() >= 200);

    let found: u64 = profile.stacks().filter(|(stack, _)| stack.contains(NAME)).map(|(_, count)| count).sum();
    assert!(found * 2 > profile.samples(), "{found} of\n{}", profile.folded());
    #[cfg(feature = "flamegraph")]
    {
        let document = profile.flamegraph("A loop").unwrap();
        assert!(document.starts_with("<?xml") && document.trim_end().ends_with("</svg>"));
        assert!(document.contains(NAME));
    }
}

/// A process that works until it is dropped.
struct Working(Child);

impl Working {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn only_the_process_that_is_asked_for_is_sampled() {
    let _alone = alone();
    let shell = Working::start(Command::new("sh").args(["-c", "while :; do :; done"]));
    let Some(mut profiler) = start(&ProfileConfig { pid: shell.0.id(), ..this_process() }) else { return };
    let _busy = Busy::start(a_loop_that_is_sampled);

    let profile = take_until(&mut profiler, |profile| profile.samples() >= 50);

    assert!(profile.stacks().all(|(stack, _)| stack == "sh" || stack.starts_with("sh;")), "{}", profile.folded());
}

/// Counts descriptors of programs, maps, and of what attaches them: links, or events on older kernels.
fn descriptors() -> usize {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    let paths = descriptors.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let is_ours = |path: &PathBuf| ["bpf", "perf_event"].iter().any(|kind| path.to_string_lossy().contains(kind));
    paths.filter(is_ours).count()
}

#[test]
fn nothing_is_left_open_when_it_is_dropped() {
    let _alone = alone();
    let before = descriptors();
    let Some(profiler) = start(&ProfileConfig::default()) else { return };
    let meanwhile = descriptors();

    drop(profiler);

    assert!(meanwhile > before);
    assert_eq!(descriptors(), before);
}

#[test]
fn samples_and_stacks_for_which_there_is_no_place_are_counted() {
    let _alone = alone();
    let mut config = this_process();
    config.stacks = 64;
    let Some(mut profiler) = start(&config) else { return };
    let _busy = Busy::start(many_stacks);
    profiler.take();

    let mut first = Profile::default();
    for _ in 0..100 {
        thread::sleep(Duration::from_millis(500));
        first = profiler.take();
        if first.lost() > 0 && first.stacks_lost() > 0 {
            break;
        }
    }

    assert!(first.lost() > 0 && first.stacks_lost() > 0, "{first:?}");
    assert!(first.stacks().count() <= 64);
}

#[test]
fn settings_out_of_their_range_are_named() {
    let config = ProfileConfig { frequency_hz: 0, ..ProfileConfig::default() };

    let refused = Profiler::start(&Kernel::new(KernelBoard::new(KernelMode::Live)), &config).unwrap_err();

    assert!(matches!(refused, Unavailable::Failed { .. }));
    assert!(refused.to_string().contains("ebpf.profile.frequency_hz = 0"), "{refused}");
}

#[test]
fn the_collector_says_which_commands_are_on_processors() {
    let _alone = alone();
    let config = Config { profile: ProfileConfig { enabled: true, ..this_process() }, ..Config::default() };
    let Some(mut host) = Host::load(&config, "ebpf.profile") else { return };
    let _busy = Busy::start(a_loop_that_is_sampled);

    let mut share = None;
    for _ in 0..600 {
        thread::sleep(Duration::from_millis(100));
        let reading = host.read();
        share = reading.value("profile.share{command=busy-thread}");
        if reading.value("profile.samples").is_some_and(|samples| samples >= 100.0) && share.is_some() {
            assert_eq!(reading.value("profile.lost"), Some(0.0));
            break;
        }
    }

    assert!(share.is_some_and(|share| share > 50.0 && share <= 100.0), "{share:?}");
}

const BUSY: &str = "OBSERVE_TEST_BUSY";
const NAME: &str = "a_loop_that_is_sampled";
