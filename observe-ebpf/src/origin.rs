//! Where numbers come from, and how everything that is made of them says so.

use std::borrow::Cow;

use observe_core::{Attributes, SchemaBuilder};

/// Where numbers come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// From programs in the kernel.
    Kernel,
    /// From files of the kernel, in place of programs that it refuses.
    Procfs,
    /// From a generator. They mean nothing.
    Simulated,
}

impl Origin {
    /// Marks the frames of a schema.
    pub(crate) const fn mark(self, schema: SchemaBuilder) -> SchemaBuilder {
        schema.origin(self.as_str())
    }

    /// Makes attributes of a subject; unless they are from programs, they say where the numbers are from.
    pub(crate) fn attributes<const N: usize>(self, pairs: [(&'static str, &str); N]) -> Attributes {
        let source = (self != Self::Kernel).then_some(("source", self.as_str()));
        Attributes::new(pairs.into_iter().chain(source)).unwrap_or_default()
    }

    /// Returns the source of events of one kind: `ebpf::syscall`.
    pub(crate) fn source(self, kind: &str) -> Cow<'static, str> {
        format!("{}::{kind}", self.as_str()).into()
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Kernel => "ebpf",
            Self::Procfs => "procfs",
            Self::Simulated => "simulated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_simulated_says_so_in_its_attributes_and_its_source() {
        assert_eq!(Origin::Simulated.attributes([("syscall", "read")]).value("source"), Some("simulated"));
        assert_eq!(Origin::Simulated.source("exec"), "simulated::exec");
        assert_eq!(Origin::Kernel.attributes([("syscall", "read")]).value("source"), None);
        assert_eq!(Origin::Kernel.source("exec"), "ebpf::exec");
    }
}
