//! What others do with samples, to measure packs beside: Gorilla, as Facebook published it and Prometheus uses it.

/// Returns how many bytes Gorilla takes for values: each is the XOR with the one before, without the zeros around it.
pub(crate) fn gorilla_values(values: &[f64]) -> usize {
    let mut bits = Bits::default();
    let (mut before, mut window) = (0, None);
    for value in values.iter().map(|value| value.to_bits()) {
        push_value(&mut bits, value ^ before, &mut window);
        before = value;
    }
    debug_assert!(
        read_values(&mut bits.clone(), values.len()).into_iter().eq(values.iter().map(|value| value.to_bits()))
    );
    bits.bytes()
}

/// Returns how many bytes Gorilla takes for stamps in ms: each is what its step differs from the step before.
pub(crate) fn gorilla_stamps(stamps: &[i64]) -> usize {
    let mut bits = Bits::default();
    let (mut before, mut step) = (0, 0);
    for stamp in stamps {
        let change = stamp - before - step;
        (step, before) = (stamp - before, *stamp);
        let (prefix, prefix_len, len) = match change {
            0 => (0b0, 1, 0),
            -63..=64 => (0b10, 2, 7),
            -255..=256 => (0b110, 3, 9),
            -2_047..=2_048 => (0b1110, 4, 12),
            _ => (0b1111, 4, 64),
        };
        bits.push(prefix, prefix_len);
        bits.push(change.cast_unsigned(), len);
    }
    bits.bytes()
}

/// Appends what changed: nothing, what lies in the window of the last change, or a window and what lies in it.
fn push_value(bits: &mut Bits, change: u64, window: &mut Option<(u32, u32)>) {
    if change == 0 {
        return bits.push(0b0, 1);
    }
    // Five bits count the zeros before, so that no more than 31 are left out.
    let (before, after) = (change.leading_zeros().min(31), change.trailing_zeros());
    match window {
        Some((left, right)) if before >= *left && after >= *right => {
            bits.push(0b10, 2);
            bits.push(change >> *right, 64 - *left - *right);
        }
        _ => {
            bits.push(0b11, 2);
            bits.push(before.into(), 5);
            bits.push(u64::from(63 - before - after), 6);
            bits.push(change >> after, 64 - before - after);
            *window = Some((before, after));
        }
    }
}

fn read_values(bits: &mut Bits, count: usize) -> Vec<u64> {
    let (mut value, mut left, mut len) = (0, 0, 0);
    let read = (0..count).map(|_| {
        if bits.take(1) == 1 {
            if bits.take(1) == 1 {
                left = bits.take(5) as u32;
                len = bits.take(6) as u32 + 1;
            }
            value ^= bits.take(len) << (64 - left - len);
        }
        value
    });
    read.collect()
}

/// Bits in the order in which they came.
#[derive(Clone, Debug, Default)]
struct Bits {
    words: Vec<u64>,
    len: usize,
    taken: usize,
}

impl Bits {
    fn bytes(&self) -> usize {
        self.len.div_ceil(8)
    }

    /// Appends the lowest bits of a number, the highest of them first.
    fn push(&mut self, value: u64, count: u32) {
        if count == 0 {
            return;
        }
        let value = value << (64 - count);
        let shift = (self.len % 64) as u32;
        if shift == 0 {
            self.words.push(value);
        } else {
            self.words.last_mut().into_iter().for_each(|word| *word |= value >> shift);
            if shift + count > 64 {
                self.words.push(value << (64 - shift));
            }
        }
        self.len += count as usize;
    }

    /// Takes as many bits as [`push`](Self::push) appended.
    fn take(&mut self, count: u32) -> u64 {
        let (at, shift) = (self.taken / 64, (self.taken % 64) as u32);
        self.taken += count as usize;
        let high = self.words.get(at).copied().unwrap_or_default() << shift;
        let low = self.words.get(at + 1).copied().unwrap_or_default().checked_shr(64 - shift).unwrap_or_default();
        (high | low) >> (64 - count)
    }
}
