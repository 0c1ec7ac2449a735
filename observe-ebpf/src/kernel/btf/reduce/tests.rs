//! What is left of descriptions.

use proptest::prelude::*;

use super::*;
use crate::kernel::btf::{
    testing::{description, fixture},
    types::INTEGER,
};

/// Spells what is left: `Struct 4 task pid:2` has a member of the second type.
fn reduced(kernel: &[u8], object: &[u8]) -> Option<Vec<String>> {
    let types = Types::new(kernel)?;
    let reduced = reduce(types, &Index::new(types)?, Types::new(object)?)?;
    let types = Types::new(&reduced)?;
    types.iter().map(|found| spell(types, found?)).collect()
}

fn spell(types: Types<'_>, found: Type<'_>) -> Option<String> {
    let name = |offset| types.text(offset).map(String::from_utf8_lossy);
    let text = format!("{}: {} {}", found.kind(), name(found.name)?, found.tail);
    match found.kind() {
        STRUCT | UNION => found.records().try_fold(text, |text, [member, id, offset]: [u32; 3]| {
            Some(format!("{text} {}:{id}@{offset}", name(member)?))
        }),
        ARRAY => Some(format!("{text} {:?}", found.records().collect::<Vec<[u32; 3]>>())),
        ENUM => {
            found.records().try_fold(text, |text, [variant, value]| Some(format!("{text} {}={value}", name(variant)?)))
        }
        _ => Some(text),
    }
}

/// Describes an object that reads members of one structure.
fn object(name: &str, members: &[&str]) -> Vec<u8> {
    let mut draft = Draft::new();
    let name = draft.name(name.as_bytes()).unwrap();
    let members: Vec<u32> = members.iter().flat_map(|member| [draft.name(member.as_bytes()).unwrap(), 0, 0]).collect();
    draft.types = [vec![name, STRUCT << 24 | (members.len() / 3) as u32, 8], members].concat();
    draft.finish().unwrap()
}

#[test]
fn a_type_keeps_what_it_consists_of_as_far_as_it_is_looked_up() {
    let names = ["int", "task", "pid", "time", "sum", "other", "end"];
    let [int, task, pid, time, sum, other, end] = [1, 5, 10, 14, 19, 23, 29];
    let kernel = description(
        &[
            &[other, STRUCT << 24 | 1, 4, other, 2, 0],
            &[int, INTEGER << 24, 4, 32],
            &[0, POINTER << 24, 1],
            &[0, STRUCT << 24 | 3, 12, sum, 2, 0, other, 1, 32, end, 1, 64],
            &[time, TYPEDEF << 24, 4],
            &[0, UNION << 24 | 2, 8, other, 1, 0, pid, 3, 0],
            &[task, STRUCT << 24 | 5, 48, 0, 6, 0, other, 1, 64, time, 8, 128, sum, 9, 256, end, 9, 384],
            &[0, CONST << 24, 5],
            &[0, ARRAY << 24, 0, 3, 1, 7],
        ],
        &names,
    );

    let left = reduced(&kernel, &object("task", &["pid", "time", "sum"])).unwrap();

    assert_eq!(
        left,
        [
            // The member that is not looked up is the last one, so it stays, and what it consists of does.
            "4: other 4 other:2@0",
            "1: int 4",
            "2:  0",
            "4:  12 sum:2@0 end:1@64",
            "8: time 4",
            "5:  8 pid:3@0",
            "4: task 48 :6@0 time:8@128 sum:9@256 end:9@384",
            "10:  5",
            "3:  0 [[3, 0, 7]]",
        ]
    );
}

#[test]
fn all_flavours_of_a_name_are_looked_up_and_stay_in_order() {
    let names = ["task", "task___old", "tasks", "x"];
    let [task, old, tasks, x] = [1, 6, 17, 23];
    let empty = |name| [name, STRUCT << 24, 0];
    let types = [&empty(old)[..], &empty(tasks), &[task, STRUCT << 24 | 1, 4, x, 0, 0], &[x, FLOAT << 24, 8]];
    let kernel = description(&types, &names);

    let left = reduced(&kernel, &object("task___new", &["x"])).unwrap();

    assert_eq!(left, ["4: task___old 0", "4: task 4 x:0@0"]);
}

#[test]
fn variants_of_enumerations_stay() {
    let kernel =
        description(&[&[0, INTEGER << 24, 4, 32], &[1, ENUM << 24 | 2, 4, 7, 3, 11, 4]], &["color", "RED", "BLUE"]);
    let object = description(&[&[1, ENUM << 24, 4]], &["color"]);

    assert_eq!(reduced(&kernel, &object).unwrap(), ["6: color 4 RED=3 BLUE=4"]);
}

#[test]
fn types_that_lead_to_each_other_are_followed_once() {
    let kernel = description(&[&[1, TYPEDEF << 24, 2], &[0, CONST << 24, 1]], &["loop"]);
    let object = description(&[&[1, TYPEDEF << 24, 0]], &["loop"]);

    assert_eq!(reduced(&kernel, &object).unwrap(), ["8: loop 2", "10:  1"]);
}

#[test]
fn what_cannot_be_followed_is_not_reduced() {
    let prototype = 13;
    let object = object("x", &["x"]);
    let to_nowhere = description(&[&[1, STRUCT << 24 | 1, 4, 1, 9, 0]], &["x"]);
    let to_a_function = description(&[&[1, STRUCT << 24 | 1, 4, 1, 2, 0], &[0, prototype << 24, 0]], &["x"]);
    let of_no_name = description(&[&[99, STRUCT << 24, 4]], &["x"]);

    assert_eq!(reduced(&to_nowhere, &object), None);
    assert_eq!(reduced(&to_a_function, &object), None);
    assert_eq!(reduced(&of_no_name, &object), None);
    assert_eq!(reduced(&object, &of_no_name), None);
    assert!(reduced(&object, &object).is_some());
}

proptest! {
    #[test]
    fn no_description_panics(place in 0..8192_usize, byte: u8, end in 0..8192_usize, garbage: Vec<u8>) {
        let fixture = fixture();
        let mut changed = fixture.clone();
        let place = place % changed.len();
        changed[place] = byte;
        let cut = &fixture[..end % fixture.len()];

        for other in [&changed, cut, &garbage] {
            let _ = reduced(other, &fixture);
            let _ = reduced(&fixture, other);
        }
    }
}
