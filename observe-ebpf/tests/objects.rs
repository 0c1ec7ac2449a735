//! The committed programs, without a kernel: what is in them is what the loader expects, and they find their way around
//! a kernel whose types are on file.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails loudly")]

use std::{collections::BTreeSet, error::Error as _, fs, path::PathBuf};

use aya_obj::{Object, ProgramSection, btf::Btf};
use object::{Endianness, Object as _, ObjectSection as _};

/// What is in one source.
#[derive(Debug)]
struct Source {
    name: &'static str,
    /// Its programs.
    programs: &'static [&'static str],
    /// Its maps with the bytes of a key and a value, which the loader and the readers of rows rely on.
    maps: &'static [(&'static str, u32, u32)],
    /// Instructions that read what the kernel on file does not have; the source asks before it runs them. First those of
    /// the object for tracepoints that know types, then those of its twin.
    guarded: [usize; 2],
}

/// Every source, by name.
const SOURCES: &[Source] = &[
    Source {
        name: "block",
        programs: &["block_rq_complete"],
        maps: &[("obs_blocks", 4, 312), ("obs_ring", 0, 0), ("obs_ring_counts", 4, 64)],
        guarded: [0, 0],
    },
    Source { name: "drops", programs: &["kfree_skb"], maps: &[("obs_drops", 4, 8)], guarded: [0, 0] },
    Source {
        name: "exec",
        programs: &["sched_process_exec", "sched_process_exit", "sched_process_fork"],
        maps: &[
            ("obs_ended", 4, 8),
            ("obs_execs", 4, 608),
            ("obs_processes", 4, 320),
            ("obs_ring", 0, 0),
            ("obs_ring_counts", 4, 64),
        ],
        guarded: [0, 0],
    },
    Source { name: "floor", programs: &["sys_enter", "sys_exit"], maps: &[], guarded: [0, 0] },
    Source {
        name: "memory",
        programs: &[
            "mark_victim",
            "mm_vmscan_direct_reclaim_begin",
            "mm_vmscan_direct_reclaim_end",
            "mm_vmscan_memcg_reclaim_begin",
            "mm_vmscan_memcg_reclaim_end",
            "page_fault_user",
        ],
        maps: &[
            ("obs_memory", 4, 64),
            ("obs_reclaims", 4, 288),
            ("obs_ring", 0, 0),
            ("obs_ring_counts", 4, 64),
            ("obs_starts", 4, 16),
        ],
        guarded: [2, 2],
    },
    Source {
        name: "net",
        programs: &["net_egress", "net_ingress"],
        maps: &[
            ("obs_answers", 4, 336),
            ("obs_flows", 4, 80),
            ("obs_handshakes", 4, 40),
            ("obs_interfaces", 4, 16),
            ("obs_requests", 4, 32),
            ("obs_ring", 0, 0),
            ("obs_ring_counts", 4, 64),
            ("obs_round", 4, 4),
            ("obs_targets", 4, 56),
            ("obs_traffic", 4, 192),
            ("obs_unplaced", 4, 8),
        ],
        guarded: [0, 0],
    },
    Source {
        name: "profile",
        programs: &["sample"],
        maps: &[
            ("obs_counts_0", 40, 8),
            ("obs_counts_1", 40, 8),
            ("obs_half", 4, 4),
            ("obs_sampled", 4, 64),
            ("obs_scratch", 4, 1016),
            ("obs_stacks_0", 8, 1016),
            ("obs_stacks_1", 8, 1016),
        ],
        guarded: [0, 0],
    },
    Source {
        name: "sched",
        programs: &["sched_switch", "sched_wakeup", "sched_wakeup_new"],
        maps: &[("obs_queue", 4, 16), ("obs_scheds", 4, 320)],
        guarded: [0, 0],
    },
    Source {
        name: "syscalls",
        programs: &["sys_enter", "sys_exit"],
        maps: &[
            ("obs_ring", 0, 0),
            ("obs_ring_counts", 4, 64),
            ("obs_starts", 4, 16),
            ("obs_syscalls", 4, 288),
            ("obs_tops", 4, 24),
        ],
        guarded: [1, 0],
    },
    Source {
        name: "tcp",
        programs: &["inet_sock_set_state", "tcp_receive_reset", "tcp_retransmit_skb", "tcp_send_reset"],
        maps: &[
            ("obs_attempts", 4, 56),
            ("obs_lives", 4, 16),
            ("obs_ring", 0, 0),
            ("obs_ring_counts", 4, 64),
            ("obs_tcps", 4, 880),
        ],
        guarded: [0, 0],
    },
];

fn folder(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns the names of the files in `bpf/…` that end in `end`, without it.
fn names(path: &str, end: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder(path)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.filter_map(|name| name.strip_suffix(end).map(str::to_owned)).collect()
}

fn source(name: &str) -> String {
    fs::read_to_string(folder("bpf").join(format!("{name}.bpf.c"))).unwrap()
}

fn bytes(object: &str) -> Vec<u8> {
    fs::read(folder("bpf/objects").join(format!("{object}.bpf.o"))).unwrap()
}

fn parse(object: &str) -> Object {
    Object::parse(&bytes(object)).unwrap_or_else(|error| panic!("{object}: {error}"))
}

/// Returns the row of an object, and whether it is the twin for raw tracepoints.
fn row(object: &str) -> (&'static Source, bool) {
    let (name, is_raw) = object.strip_suffix(".raw").map_or((object, false), |name| (name, true));
    let row = SOURCES.iter().find(|source| source.name == name);
    (row.unwrap_or_else(|| panic!("the table lacks {}", describe(name))), is_raw)
}

/// Spells the row that a source should have.
fn describe(name: &str) -> String {
    let twin = format!("{name}.raw");
    let twin = if source(name).contains("OBS_SEC(") { &twin } else { name };
    let (programs, maps) = (Vec::from_iter(programs(name)), Vec::from_iter(maps(name)));
    let guarded = [name, twin].map(|object| relocate(object, &fixture()));
    format!("Source {{ name: {name:?}, programs: &{programs:?}, maps: &{maps:?}, guarded: {guarded:?} }},")
}

fn programs(object: &str) -> BTreeSet<String> {
    parse(object).programs.into_keys().collect()
}

/// Returns the maps that are not made of constants.
fn maps(object: &str) -> BTreeSet<(String, u32, u32)> {
    let maps = parse(object).maps.into_iter().filter(|(name, _)| !name.starts_with('.'));
    maps.map(|(name, map)| (name, map.key_size(), map.value_size())).collect()
}

fn fixture() -> Vec<u8> {
    fs::read(folder("tests/fixtures/btf/6.18-x86_64.btf")).unwrap()
}

/// Moves an object's reads to where a kernel has the fields. Returns how many instructions became calls of a function
/// that there is not, which the kernel's verifier refuses if they can be reached.
fn relocate(object: &str, types: &[u8]) -> usize {
    let mut parsed = parse(object);
    let types = Btf::parse(types, ENDIANNESS).unwrap();
    parsed.relocate_btf(&types).unwrap_or_else(|error| panic!("{object}: {error:?}"));
    let instructions = parsed.functions.values().flat_map(|function| &function.instructions);
    instructions.filter(|instruction| instruction.imm == NO_SUCH_FUNCTION).count()
}

#[test]
fn every_source_has_its_objects_and_every_object_its_source() {
    let mut expected = BTreeSet::new();
    for name in names("bpf", ".bpf.c") {
        if source(&name).contains("OBS_SEC(") {
            expected.insert(format!("{name}.raw"));
        }
        expected.insert(name);
    }

    let sums = fs::read_to_string(folder("bpf/objects/SHA256SUMS")).unwrap();
    let summed = sums.lines().filter_map(|line| line.split_whitespace().last()?.strip_suffix(".bpf.o"));

    assert_eq!(names("bpf/objects", ".bpf.o"), expected, "run bpf/build");
    assert_eq!(summed.map(str::to_owned).collect::<BTreeSet<_>>(), expected, "run bpf/build");
}

#[test]
fn objects_have_the_programs_and_maps_that_the_loader_expects() {
    for object in names("bpf/objects", ".bpf.o") {
        let (row, _) = row(&object);

        let expected_maps: BTreeSet<_> =
            row.maps.iter().map(|(name, key, value)| ((*name).to_owned(), *key, *value)).collect();
        assert_eq!(programs(&object), row.programs.iter().map(|name| (*name).to_owned()).collect(), "{object}");
        assert_eq!(maps(&object), expected_maps, "{object}");
    }
}

#[test]
fn programs_attach_in_ways_that_every_supported_kernel_has() {
    for object in names("bpf/objects", ".bpf.o") {
        let (_, is_raw) = row(&object);
        for (name, program) in parse(&object).programs {
            let is_known = match program.section {
                ProgramSection::RawTracePoint => is_raw,
                ProgramSection::BtfTracePoint | ProgramSection::PerfEvent | ProgramSection::SchedClassifier => !is_raw,
                _ => false,
            };
            assert!(is_known, "{object}: {name} is {:?}", program.section);
        }
    }
}

#[test]
fn objects_may_call_what_is_for_programs_under_the_gpl() {
    for object in names("bpf/objects", ".bpf.o") {
        assert_eq!(parse(&object).license.as_c_str(), c"Dual MIT/GPL", "{object}");
    }
}

#[test]
fn objects_are_stripped_of_what_only_debuggers_read() {
    for object in names("bpf/objects", ".bpf.o") {
        let bytes = bytes(&object);
        let file = object::read::elf::ElfFile64::<Endianness>::parse(&*bytes).unwrap();

        let debug = file.sections().find(|section| section.name().is_ok_and(|name| name.contains(".debug")));

        assert!(debug.is_none(), "{object}");
    }
}

#[test]
fn objects_find_every_field_in_a_kernel_whose_types_are_on_file() {
    for object in names("bpf/objects", ".bpf.o") {
        let (row, is_raw) = row(&object);

        assert_eq!(relocate(&object, &fixture()), row.guarded[usize::from(is_raw)], "{object}: run bpf/fixture?");
    }
}

#[test]
fn a_field_that_is_gone_becomes_an_instruction_that_the_kernel_refuses() {
    let guarded = relocate("syscalls", &registers("orig_ax", 64, false));

    // Of threads, this kernel tells neither their two ids nor the two fields that mark 32-bit calls.
    assert_eq!(guarded, relocate("syscalls", &fixture()) + 4);
    assert_eq!(relocate("syscalls", &registers("orig_bx", 64, false)), guarded + 1);
}

#[test]
fn a_field_of_another_kind_is_an_error_that_says_so() {
    let types = Btf::parse(&registers("orig_ax", 32, true), ENDIANNESS).unwrap();

    let error = parse("syscalls").relocate_btf(&types).unwrap_err();

    let cause = error.source().unwrap().to_string();
    assert!(cause.contains("has size 8 but target type word has size 4"), "{cause}");
}

#[test]
fn a_kernel_that_has_none_of_the_types_is_no_panic() {
    for object in names("bpf/objects", ".bpf.o") {
        relocate(&object, &types(&[], ""));
    }
}

#[test]
fn types_that_are_cut_short_are_an_error() {
    let fixture = fixture();

    for length in 0..fixture.len() {
        assert!(Btf::parse(&fixture[..length], ENDIANNESS).is_err(), "{length}");
    }
}

/// Describes a kernel that keeps one register: an integer that is so wide.
fn registers(field: &str, bits: u32, is_signed: bool) -> Vec<u8> {
    let integer = [1, 1 << 24, bits / 8, u32::from(is_signed) << 24 | bits];
    let structure = [6, 4 << 24 | 1, 168, 14, 1, 120 * 8];
    types(&[&integer[..], &structure].concat(), &format!("word\0pt_regs\0{field}\0"))
}

/// Describes a kernel: a header, types, and names, the first of which is empty.
fn types(types: &[u32], names: &str) -> Vec<u8> {
    let length = types.len() as u32 * 4;
    let magic_and_version = 0x0001_eb9f;
    let header = [magic_and_version, 24, 0, length, length, names.len() as u32 + 1];
    let words = header.iter().chain(types).flat_map(|word| word.to_le_bytes());
    words.chain([0]).chain(names.bytes()).collect()
}

/// Objects are compiled for processors that begin with the low byte.
const ENDIANNESS: Endianness = Endianness::Little;
/// What a function is called that a field which is not there turns into.
const NO_SUCH_FUNCTION: i32 = 0x0bad_2310;
