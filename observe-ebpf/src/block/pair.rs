//! Kinds of requests, as programs in the kernel number them.

/// One kind of request to one device, as `bpf/block.bpf.c` puts both into a number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Pair(pub(crate) u64);

impl Pair {
    /// Makes the pair of a device and an operation, as the programs number it.
    pub(crate) const fn new(Device { major, minor }: Device, operation: u8) -> Self {
        Self(TAKEN | (major as u64) << 28 | (minor as u64) << 8 | operation as u64)
    }

    /// Returns the device, zero where there is none or it is not known.
    pub(crate) const fn device(self) -> Device {
        Device { major: (self.0 >> 28 & 0xFFF) as u32, minor: (self.0 >> 8 & 0xF_FFFF) as u32 }
    }

    /// Returns the same operation on devices without series of their own.
    pub(crate) const fn of_others(self) -> Self {
        Self(TAKEN | self.0 & 0xFF)
    }

    /// Returns the name of the operation.
    pub(crate) const fn operation(self) -> &'static str {
        match self.0 & 0xFF {
            0 => "read",
            1 => "write",
            2 => "flush",
            3 => "discard",
            _ => "other",
        }
    }
}

/// The number of a device.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Device {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

impl Device {
    /// Whether there is no such device.
    pub(crate) const fn is_none(self) -> bool {
        self.major == 0 && self.minor == 0
    }
}

/// Tells a pair from a place in the kernel that is free.
const TAKEN: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_taken_apart_again() {
        let device = Device { major: 0xFFF, minor: 0xF_FFFF };

        let pair = Pair::new(device, 2);

        assert_eq!(pair.device(), device);
        assert_eq!((pair.operation(), pair.of_others().operation()), ("flush", "flush"));
        assert!(pair.of_others().device().is_none());
    }
}
