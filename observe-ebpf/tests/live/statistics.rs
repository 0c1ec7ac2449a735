//! What the kernel says about programs themselves.

use std::time::Duration;

use observe_ebpf::Config;

use crate::host::Host;

#[test]
fn runs_and_time_of_programs_are_on_the_board_if_the_settings_want_it() {
    let config = Config { program_stats: true, ..Config::default() };
    let Some(host) = Host::load(&config, "ebpf.syscalls") else { return };

    // Asking the kernel about a program is a system call, so each has run before it tells.
    let programs = host.board.read().features["syscalls"].programs.clone();

    assert!(!programs.is_empty());
    assert!(programs.iter().all(|program| program.run_count > 0), "{programs:?}");
    assert!(programs.iter().all(|program| program.run_time > Duration::ZERO), "{programs:?}");
}
