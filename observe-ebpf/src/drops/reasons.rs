//! Names of the reasons for which packets are thrown away, as the running kernel spells them.

use crate::kernel::Variant;

/// The number of places, each for a reason or for those of a subsystem together; see `bpf/drops.bpf.c`.
pub(super) const PLACES: usize = 256;

/// What a place stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Reason {
    /// A packet that is counted here did its work.
    NotDropped,
    /// Why packets that are counted here were thrown away.
    Dropped(String),
}

/// Says what each place stands for, given the kernel's reasons and those of its subsystems.
pub(super) fn names(reasons: &[Variant], subsystems: &[Variant]) -> Vec<Reason> {
    let places = 0..PLACES as u32;
    let name = |place| match place {
        UNKNOWN => "unknown".to_owned(),
        OTHER => "other".to_owned(),
        subsystem if subsystem >= SUBSYSTEMS => {
            let number = subsystem - SUBSYSTEMS;
            find(subsystems, number, "SKB_DROP_REASON_SUBSYS_").unwrap_or_else(|| format!("subsystem_{number}"))
        }
        reason => find(reasons, reason, "SKB_DROP_REASON_").unwrap_or_else(|| format!("reason_{reason}")),
    };
    places.map(name).map(Reason::new).collect()
}

impl Reason {
    fn new(name: String) -> Self {
        match name.as_str() {
            "skb_consumed" | "skb_not_dropped_yet" => Self::NotDropped,
            _ => Self::Dropped(name),
        }
    }
}

fn find(variants: &[Variant], value: u32, prefix: &str) -> Option<String> {
    let variant = variants.iter().find(|variant| variant.value == value)?;
    let name = variant.name.strip_prefix(prefix).unwrap_or(&variant.name);
    Some(name.to_ascii_lowercase())
}

/// Where the subsystems begin; zero is no subsystem.
const SUBSYSTEMS: u32 = 240;
/// The kernel is too old to give a reason.
const UNKNOWN: u32 = 254;
/// Reasons that have no place.
const OTHER: u32 = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(name: &str, value: u32) -> Variant {
        Variant { name: name.to_owned(), value }
    }

    fn dropped(name: &str) -> Reason {
        Reason::Dropped(name.to_owned())
    }

    #[test]
    fn places_are_named_as_the_kernel_names_its_reasons() {
        let reasons = [
            variant("SKB_NOT_DROPPED_YET", 0),
            variant("SKB_CONSUMED", 1),
            variant("SKB_DROP_REASON_NO_SOCKET", 3),
            variant("SKB_DROP_REASON_SUBSYS_MASK", 0xffff_0000),
        ];

        let names = names(&reasons, &[variant("SKB_DROP_REASON_SUBSYS_OPENVSWITCH", 2)]);

        assert_eq!(names.len(), PLACES);
        assert_eq!([&names[0], &names[1]], [&Reason::NotDropped; 2]);
        assert_eq!([&names[3], &names[4]], [&dropped("no_socket"), &dropped("reason_4")]);
        assert_eq!([&names[242], &names[243]], [&dropped("openvswitch"), &dropped("subsystem_3")]);
        assert_eq!([&names[254], &names[255]], [&dropped("unknown"), &dropped("other")]);
    }

    #[test]
    fn a_kernel_that_names_nothing_has_numbers() {
        assert_eq!(names(&[], &[])[0], dropped("reason_0"));
    }
}
