use proptest::prelude::*;

use super::column::Codec;
use super::sealed::{self, Kind};
use super::*;
use crate::bytes::Write;

proptest! {
    #[test]
    fn every_bit_of_every_value_survives(pack in pack()) {
        let bytes = pack.encode();
        let view = PackView::parse(&bytes).unwrap();

        prop_assert_eq!(view.ticks(), pack.ticks());
        prop_assert_eq!(view.stamps().unwrap(), pack.stamps.clone().filter(|stamps| !stamps.is_empty()));
        prop_assert_eq!(view.columns().len(), pack.columns.len());
        for (series, field, words, values) in &pack.columns {
            let column = view.column(*series, *field, &mut Scratch::default()).unwrap().unwrap();
            let expected: Vec<usize> = Presence::Bitmap(words.into()).ticks(pack.ticks()).collect();
            prop_assert_eq!(column.values.len(), expected.len());
            prop_assert!(bits(&column).eq(expected.iter().map(|tick| (*tick, values[*tick].to_bits()))));
        }
    }

    #[test]
    fn no_bytes_are_too_strange_to_read(body in proptest::collection::vec(any::<u8>(), 0..200), version in 0..3_u8) {
        read_all(&body);
        read_all(&sealed::seal([vec![version], body.clone()].concat()));
        read_all(&sealed::seal([sealed::begin(Kind::Stamps), body].concat()));
    }

    #[test]
    fn what_is_cut_off_is_refused(pack in pack(), keep in 0.0..1.0_f64) {
        let bytes = pack.encode();
        let kept = (bytes.len() as f64 * keep) as usize;

        prop_assert!(PackView::parse(&bytes[..kept]).is_err());
        read_all(&sealed::seal(bytes[..kept].to_vec()));
    }

    #[test]
    fn no_flipped_bit_goes_unseen(pack in pack(), places in proptest::collection::vec(any::<prop::sample::Index>(), 1..4)) {
        let sound = pack.encode();
        let mut bytes = sound.clone();
        for place in places {
            let place = place.index(bytes.len() * 8);
            bytes[place / 8] ^= 1 << (place % 8);
        }

        prop_assert!(bytes == sound || PackView::parse(&bytes).is_err());
        bytes.truncate(bytes.len() - 4);
        read_all(&sealed::seal(bytes));
    }
}

#[test]
fn constants_take_a_few_bytes() {
    let columns: Vec<Column> = (0..16).map(|series| (series, 0, vec![u64::MAX; 16], vec![0.0; 1_024])).collect();

    assert_eq!(Pack { stamps: None, columns }.encode().len(), 1 + 2 + 1 + 1 + 16 + 16 + 4);
}

#[test]
fn a_column_like_another_takes_a_few_bytes() {
    let noise: Vec<f64> = (0..1_000_u32).map(|at| f64::from(at.wrapping_mul(2_654_435_761))).collect();
    let bytes = |columns: &[Vec<f64>]| {
        let columns = columns.iter().zip(0..).map(|(values, series)| (series, 0, vec![u64::MAX; 16], values.clone()));
        Pack { stamps: None, columns: columns.collect() }.encode().len()
    };
    let alone = bytes(std::slice::from_ref(&noise));

    assert_eq!(bytes(&[noise.clone(), noise.clone()]), alone + 4);
    assert_eq!(bytes(&[noise.clone(), noise.iter().map(|value| value * 4_096.0).collect()]), alone + 7);
    assert_eq!(bytes(&[noise, vec![0.0; 1_000]]), alone + 2);
}

#[test]
fn columns_that_cannot_be_are_refused() {
    let column = |field, values| ColumnData { series: 1, field, presence: Presence::All, values };
    let encode = |stamps, columns: &[ColumnData<'_>]| PackEncoder::default().encode(stamps, columns);
    let two = Stamps::External { ticks: 2 };

    for outcome in [
        encode(two, &[column(0, &[1.0])]),
        encode(two, &[column(0, &[1.0, 2.0]), column(0, &[1.0, 2.0])]),
        encode(two, &vec![column(0, &[1.0, 2.0]); MAX_COLUMNS + 1]),
        encode(Stamps::External { ticks: MAX_TICKS + 1 }, &[]),
        encode(Stamps::Inline(&[5, 3]), &[]),
    ] {
        assert!(matches!(outcome, Err(PackError::Unfit(_))), "{outcome:?}");
    }
}

/// Columns by each of the first codecs and with each form of presence, in the first format.
#[test]
fn a_pack_of_format_1_stays_readable() {
    assert_holds(include_bytes!("tests/format-1.pack"), &format_1());
}

/// Columns by the codecs that came later.
#[test]
fn lines_and_ratios_of_format_1_stay_readable() {
    assert_holds(include_bytes!("tests/format-1-lines-and-ratios.pack"), &lines_and_ratios());
}

#[test]
fn what_is_not_in_a_pack_is_not_found() {
    let bytes = Pack { stamps: None, columns: vec![(7, 2, vec![1], vec![4.5])] }.encode();
    let view = PackView::parse(&bytes).unwrap();
    let mut scratch = Scratch::default();

    assert!(view.column(7, 2, &mut scratch).unwrap().is_some());
    assert!(view.column(7, 1, &mut scratch).unwrap().is_none());
    assert!(view.column(6, 2, &mut scratch).unwrap().is_none());
}

#[test]
fn more_ticks_or_columns_than_there_may_be_are_refused() {
    for (ticks, columns) in [(MAX_TICKS as u64 + 1, 0), (1, MAX_COLUMNS as u64 + 1)] {
        let mut bytes = sealed::begin(Kind::Pack);
        bytes.write_varint(ticks);
        bytes.write_counted(&[]);
        bytes.write_varint(columns);
        bytes.resize(20_000, 1);

        assert!(PackView::parse(&sealed::seal(bytes)).is_err());
    }
}

#[test]
fn lines_of_what_is_not_there_or_is_a_line_itself_are_refused() {
    let raw = [1.0, 2.0, 3.0_f64].map(f64::to_le_bytes).concat();
    let steep = [1, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    for (line, is_fine) in [
        (&[1][..], true),
        (&[1, 1, 0x40], true),
        (&[], false),
        (&[0], false),
        (&[3], false),
        (&[1, 9], false),
        (&steep, false),
    ] {
        let found = by_hand(&[(Codec::RAW, &raw), (Codec::LINE, line)]);
        assert_eq!(found.is_ok(), is_fine, "{line:?}: {found:?}");
    }
    let found = by_hand(&[(Codec::RAW, &raw), (Codec::LINE, &[1]), (Codec::LINE, &[1])]);
    assert!(found.is_err(), "{found:?}");
}

#[test]
fn ratios_that_do_not_add_up_are_refused() {
    // Three times the same integer, three times zero, and two differences of which one is missing.
    let (three, zero, few) = (&[0, 6][..], &[0, 0][..], &[1 | 1 << 2, 0][..]);
    let ratios = |exceptions: &[u8], above: &[u8], below: &[u8]| {
        let bytes = [exceptions, &[above.len() as u8], above, below].concat();
        by_hand(&[(Codec::RATIOS, &bytes)])
    };

    assert_eq!(ratios(&[0], three, three).unwrap(), [1.0; 3]);
    assert_eq!(ratios(&[0], three, zero).unwrap(), [f64::INFINITY; 3]);
    for outcome in [
        ratios(&[4], three, three),
        ratios(&[1, 3, 0, 0, 0, 0, 0, 0, 0, 0], three, three),
        ratios(&[0], few, three),
        ratios(&[0], three, few),
        ratios(&[0], &[], three),
        ratios(&[0], three, &[]),
    ] {
        assert!(outcome.is_err(), "{outcome:?}");
    }
}

/// Reads the last of some columns of three ticks, whose bytes are whatever they are.
fn by_hand(columns: &[(Codec, &[u8])]) -> Result<Vec<f64>, PackError> {
    let mut bytes = sealed::begin(Kind::Pack);
    bytes.write_varint(3);
    bytes.write_counted(&[]);
    bytes.write_varint(columns.len() as u64);
    directory::write(&mut bytes, &(0..).zip(columns).map(|(series, _)| (series, 0)).collect::<Vec<_>>());
    for (codec, body) in columns {
        bytes.push(codec.0);
        bytes.write_varint(body.len() as u64);
    }
    columns.iter().for_each(|(_, body)| bytes.extend_from_slice(body));
    let bytes = sealed::seal(bytes);
    let view = PackView::parse(&bytes)?;
    let last = view.columns().last().map_or(0, |(series, _)| series);
    Ok(view.column(last, 0, &mut Scratch::default())?.unwrap().values)
}

/// Asserts that bytes of an earlier program hold a pack, bit by bit.
fn assert_holds(bytes: &[u8], expected: &Pack) {
    let pack = PackView::parse(bytes).unwrap();
    let mut scratch = Scratch::default();

    let columns: Vec<_> = pack.decoded(&mut scratch).map(Result::unwrap).collect();

    assert_eq!(pack.stamps().unwrap(), expected.stamps);
    assert_eq!(columns.len(), expected.columns.len());
    for ((key, column), (series, field, words, values)) in columns.into_iter().zip(&expected.columns) {
        let presence = Presence::Bitmap(words.into());
        let expected = presence.ticks(pack.ticks()).map(|tick| (tick, values[tick].to_bits()));
        assert_eq!((key, column.values.len()), ((*series, *field), presence.count(pack.ticks())));
        assert!(bits(&column).eq(expected), "{key:?}");
    }
}

/// What is in `tests/format-1.pack`.
fn format_1() -> Pack {
    let column = |value: &dyn Fn(u32) -> f64| (0..70).map(value).collect::<Vec<_>>();
    let (all, some, few) = (vec![u64::MAX; 2], vec![0x5555_0000_1234_5678, 63], vec![0xff << 20, 0]);
    let columns = vec![
        (3, 0, all.clone(), column(&|_| -0.0)),
        (3, 1, few.clone(), column(&|_| 12.5)),
        (3, 2, few.clone(), column(&|at| f64::from(at * at))),
        (4, 0, all.clone(), column(&|at| f64::from(at * 300))),
        (4, 1, some.clone(), column(&|at| f64::from(at * 7_919 % 1_000) / 100.0)),
        (4, 2, some, column(&|at| if at == 9 { f64::NAN } else { f64::from(at * at * at) })),
        (
            70_000,
            0,
            all.clone(),
            column(&|at| if at % 30 == 9 { f64::NEG_INFINITY } else { f64::from(at * 104_729 % 99_991) }),
        ),
        (70_000, 5, all, column(&|at| f64::from(at % 3) / 7.0)),
        (u32::MAX, 0, few, column(&|at| f64::from_bits(u64::from(at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))),
    ];
    Pack {
        stamps: Some((0..70).map(|at| 1_700_000_000_000_000_000 + at * 1_000_000_000 + at % 3 * 1_000_000).collect()),
        columns,
    }
}

/// What is in `tests/format-1-lines-and-ratios.pack`: lines of decimals, of ratios and of what only some ticks have.
fn lines_and_ratios() -> Pack {
    let column = |value: &dyn Fn(f64) -> f64| (0..70).map(|at| value(f64::from(at))).collect::<Vec<_>>();
    let (all, some) = (vec![u64::MAX; 2], vec![0x5555_0000_1234_5678, 63]);
    let free = |at: f64| at * 7_919.0 % 997.0;
    let share = |at: f64| 100.0 * (at * 37.0 % 101.0) / (199.0 + at % 3.0);
    let columns = vec![
        (3, 0, all.clone(), column(&free)),
        (3, 1, all.clone(), column(&free)),
        (3, 2, all.clone(), column(&|at| free(at) * 4_096.0)),
        (3, 3, all.clone(), column(&|at| 997.0 - free(at))),
        (4, 0, some.clone(), column(&free)),
        (4, 1, some.clone(), column(&|at| free(at) * 0.5 + 7.25)),
        (70_000, 0, all.clone(), column(&share)),
        (70_000, 1, all.clone(), column(&|at| share(at) * 0.5)),
        (70_000, 2, all, column(&|at| if at % 30.0 == 9.0 { f64::NAN } else { -share(at + 1.0) })),
        (70_000, 3, some, column(&share)),
    ];
    Pack { stamps: None, columns }
}

type Column = (u32, u8, Vec<u64>, Vec<f64>);

#[derive(Clone, Debug)]
struct Pack {
    stamps: Option<Vec<i64>>,
    columns: Vec<Column>,
}

impl Pack {
    fn ticks(&self) -> usize {
        self.stamps.as_ref().map_or_else(|| self.columns.first().map_or(0, |column| column.3.len()), Vec::len)
    }

    fn encode(&self) -> Vec<u8> {
        let ticks = self.ticks();
        let stamps = self.stamps.as_ref().map_or(Stamps::External { ticks }, |stamps| Stamps::Inline(stamps));
        let columns = self.columns.iter().map(|(series, field, words, values)| ColumnData {
            series: *series,
            field: *field,
            presence: Presence::Bitmap(words.into()),
            values,
        });
        PackEncoder::default().encode(stamps, &columns.collect::<Vec<_>>()).unwrap()
    }
}

fn pack() -> impl Strategy<Value = Pack> {
    (0..600_usize).prop_flat_map(|ticks| {
        let stamps = proptest::option::of(proptest::collection::btree_set(any::<i64>(), ticks));
        let keys = proptest::collection::btree_set((0..40_u32, 0..6_u8), 1..8);
        let columns = proptest::collection::vec((words(), values(ticks), any::<bool>()), 8);
        (stamps, keys, columns).prop_map(|(stamps, keys, columns)| {
            let mut pack = Pack { stamps: stamps.map(|stamps| stamps.into_iter().collect()), columns: Vec::new() };
            for ((series, field), (words, values, is_like)) in keys.into_iter().zip(columns) {
                let column = match pack.columns.last().filter(|_| is_like) {
                    Some((_, _, words, base)) => (series, field, words.clone(), multiples(base, field)),
                    None => (series, field, words, values),
                };
                pack.columns.push(column);
            }
            pack
        })
    })
}

/// Values on a line of others; those of the field 0 are the same.
fn multiples(base: &[f64], field: u8) -> Vec<f64> {
    let multiple = |value: &f64| if field == 0 { *value } else { value * 1_024.0 + f64::from(field) };
    base.iter().map(multiple).collect()
}

fn words() -> impl Strategy<Value = Vec<u64>> {
    let runs = proptest::collection::vec(prop_oneof![Just(0), Just(u64::MAX), Just(u64::MAX << 9), any::<u64>()], 10);
    prop_oneof![2 => Just(vec![u64::MAX; 10]), 1 => Just(vec![0; 10]), 2 => runs]
}

fn values(ticks: usize) -> impl Strategy<Value = Vec<f64>> {
    let decimals = (0..8_i32, proptest::collection::vec(-9_999..999_999_i64, ticks));
    let decimals =
        decimals.prop_map(|(places, all)| all.into_iter().map(|it| it as f64 / 10_f64.powi(places)).collect());
    let ratios = proptest::collection::vec((0..300_u32, 90..110_u32), ticks);
    let ratios =
        ratios.prop_map(|all| all.into_iter().map(|(one, all)| 100.0 * f64::from(one) / f64::from(all)).collect());
    let counter = proptest::collection::vec(0..50_u32, ticks);
    let counter = counter
        .prop_map(|steps| steps.iter().scan(1e9, |sum, step| Some((*sum += f64::from(*step), *sum).1)).collect());
    prop_oneof![
        Just(vec![f64::from_bits(0x7ff8_dead_beef_0001); ticks]),
        proptest::collection::vec(any::<u64>().prop_map(f64::from_bits), ticks),
        proptest::collection::vec(prop_oneof![20 => Just(42.5), 1 => special()], ticks),
        proptest::collection::vec(prop_oneof![special(), (0..4_u8).prop_map(f64::from)], ticks),
        proptest::collection::vec(0.0..1.0_f64, ticks),
        decimals,
        ratios,
        counter,
    ]
}

fn special() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![
        -0.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        5e-324,
        f64::MAX,
        f64::NAN,
        -f64::NAN,
        1.0 / 3.0,
        9e18,
    ])
}

/// Returns each tick that has a value, with its bits.
fn bits(column: &view::Column) -> impl Iterator<Item = (usize, u64)> {
    column.presence.ticks(MAX_TICKS).zip(column.values.iter().map(|value| value.to_bits()))
}

/// Reads whatever can be read. Errors are fine, panics are not.
fn read_all(bytes: &[u8]) {
    if let Ok(view) = PackView::parse(bytes) {
        let _: Result<_, PackError> = view.stamps();
        view.decoded(&mut Scratch::default()).for_each(drop);
    }
    let _: Result<_, PackError> = decode_stamps(bytes);
}
