//! What processors work at: samples of who is on them, and at which stack.

#[cfg(all(feature = "flamegraph", target_os = "linux"))]
mod flamegraph;
#[cfg(target_os = "linux")]
mod folded;
#[cfg(target_os = "linux")]
mod profiler;
#[cfg(target_os = "linux")]
mod programs;
mod report;
#[cfg(target_os = "linux")]
mod sampler;
#[cfg(target_os = "linux")]
mod symbols;

#[cfg(all(feature = "flamegraph", target_os = "linux"))]
pub use self::flamegraph::FlamegraphError;
#[cfg(target_os = "linux")]
pub(crate) use self::programs::OnCpu;
pub(crate) use self::report::{Reading, Report};
#[cfg(target_os = "linux")]
pub use self::{folded::Profile, profiler::Profiler};
