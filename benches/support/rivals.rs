//! What others do with samples, to measure packs beside: Gorilla, as Facebook published it and Prometheus uses it, and
//! Prometheus and VictoriaMetrics themselves where they are installed.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use super::recording::Recording;

/// Returns how many bytes the blocks take that Prometheus makes of a recording.
pub(crate) fn prometheus(recording: &Recording, directory: &Path) -> Result<usize, String> {
    std::fs::create_dir_all(directory).unwrap();
    let (text, blocks) = (directory.join("text"), directory.join("blocks"));
    std::fs::write(&text, exposition(recording, 1e9) + "# EOF\n").unwrap();
    let mut promtool = Command::new("promtool");
    promtool.args(["tsdb", "create-blocks-from", "openmetrics"]).args([&text, &blocks]).stdout(Stdio::null());
    let status = promtool.status().map_err(|error| format!("promtool: {error}"))?;
    if status.success() { Ok(size_of_directory(&blocks)) } else { Err(format!("promtool: {status}")) }
}

/// Returns how many bytes VictoriaMetrics takes for a recording after it merged its parts.
pub(crate) fn victoria_metrics(recording: &Recording, directory: &Path) -> Result<usize, String> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
    let server = Command::new("victoria-metrics")
        .arg(format!("-storageDataPath={}", directory.display()))
        .arg(format!("-httpListenAddr={address}"))
        .arg("-retentionPeriod=100y")
        .stderr(Stdio::null())
        .spawn();
    let mut server = Running(server.map_err(|error| format!("victoria-metrics: {error}"))?);
    let ask = |method, path, body: &str| request(address, method, path, body).map_err(|error| error.to_string());
    while ask("GET", "/health", "").is_err() {
        if server.0.try_wait().is_ok_and(|ended| ended.is_some()) {
            return Err("victoria-metrics does not start".to_owned());
        }
        thread::sleep(Duration::from_millis(50));
    }
    ask("POST", "/api/v1/import/prometheus", &exposition(recording, 1e6))?;
    ask("GET", "/internal/force_flush", "")?;
    ask("GET", "/internal/force_merge", "")?;
    // It says that it merges, and not when it is done.
    thread::sleep(Duration::from_secs(5));
    server.end();
    Ok(size_of_directory(&directory.join("data")) + size_of_directory(&directory.join("indexdb")))
}

struct Running(Child);

impl Running {
    /// Asks it to end, so that everything is on the disk.
    fn end(&mut self) {
        let id = self.0.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn request(address: SocketAddr, method: &str, path: &str, body: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 2") { Ok(()) } else { Err(std::io::Error::other(answer)) }
}

/// Writes a recording as Prometheus reads it, with stamps of so many nanoseconds.
fn exposition(recording: &Recording, unit: f64) -> String {
    let mut text = String::new();
    for series in &recording.series {
        let name = series.metric.name.replace('.', "_");
        for (stamp, value) in recording.stamps.iter().zip(&series.values) {
            writeln!(text, "{name} {value} {}", *stamp as f64 / unit).unwrap();
        }
    }
    text
}

fn size_of_directory(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let size = entries.map(|entry| match entry.metadata() {
        Ok(file) if file.is_file() => file.len() as usize,
        _ => size_of_directory(&entry.path()),
    });
    size.sum()
}

/// Values as Gorilla writes them: each is the XOR with the one before, without the zeros around it.
#[derive(Clone, Debug)]
pub(crate) struct Gorilla {
    bits: Bits,
    count: usize,
}

impl Gorilla {
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut bits = Bits::default();
        let (mut before, mut window) = (0, None);
        for value in values.iter().map(|value| value.to_bits()) {
            push_value(&mut bits, value ^ before, &mut window);
            before = value;
        }
        let made = Self { bits, count: values.len() };
        debug_assert!(made.values().iter().map(|value| value.to_bits()).eq(values.iter().map(|value| value.to_bits())));
        made
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bits.len.div_ceil(8)
    }

    pub(crate) fn values(&self) -> Vec<f64> {
        let (mut value, mut left, mut len, mut at) = (0, 0, 0, 0);
        let read = (0..self.count).map(|_| {
            if self.bits.take(&mut at, 1) == 1 {
                if self.bits.take(&mut at, 1) == 1 {
                    left = self.bits.take(&mut at, 5) as u32;
                    len = self.bits.take(&mut at, 6) as u32 + 1;
                }
                value ^= self.bits.take(&mut at, len) << (64 - left - len);
            }
            f64::from_bits(value)
        });
        read.collect()
    }
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

/// Bits in the order in which they came.
#[derive(Clone, Debug, Default)]
struct Bits {
    words: Vec<u64>,
    len: usize,
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

    /// Takes as many bits as [`push`](Self::push) appended, from `at` on.
    fn take(&self, at: &mut usize, count: u32) -> u64 {
        let (word, shift) = (*at / 64, (*at % 64) as u32);
        *at += count as usize;
        let high = self.words.get(word).copied().unwrap_or_default() << shift;
        let low = self.words.get(word + 1).copied().unwrap_or_default().checked_shr(64 - shift).unwrap_or_default();
        (high | low) >> (64 - count)
    }
}
