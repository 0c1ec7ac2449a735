//! Flame graphs.

use std::io;

use inferno::flamegraph::{
    Options,
    color::{MultiPalette, Palette},
    from_lines,
};

use super::Profile;

/// Says why there is no flame graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlamegraphError {
    /// It could not be written.
    #[error("cannot draw a flame graph")]
    Draw(#[from] io::Error),
    /// There is nothing in the profile.
    #[error("there is no sample to draw a flame graph of")]
    Empty,
}

impl Profile {
    /// Draws a flame graph, as an SVG document with what it takes to zoom and search in a browser.
    ///
    /// The wider a frame, the more samples found its function at work, or waiting for what it called; those of the
    /// kernel end in `_[k]`. Equal profiles give equal documents.
    ///
    /// # Errors
    ///
    /// Fails on an empty profile.
    pub fn flamegraph(&self, title: &str) -> Result<String, FlamegraphError> {
        if self.samples() == 0 {
            return Err(FlamegraphError::Empty);
        }
        let mut options = Options::default();
        options.title = title.to_owned();
        options.subtitle = self.missing();
        options.colors = Palette::Multi(MultiPalette::Rust);
        options.deterministic = true;
        let folded = self.folded();
        let mut document = Vec::new();
        from_lines(&mut options, folded.lines(), &mut document)?;
        String::from_utf8(document).map_err(|error| FlamegraphError::Draw(io::Error::other(error)))
    }

    /// Says what is not in the picture.
    fn missing(&self) -> Option<String> {
        let (samples, lost, stacks) = (self.samples(), self.lost(), self.stacks_lost());
        (lost + stacks > 0).then(|| format!("{samples} samples; {lost} more and {stacks} stacks were lost"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(stack: &str) -> Profile {
        let mut profile = Profile::default();
        profile.add(stack.to_owned(), 3);
        profile
    }

    #[test]
    fn names_cannot_break_out_of_the_document() {
        let profile = profile("sh;<script>alert(1)</script>;a&b\"c'");

        let document = profile.flamegraph("</title><script>alert(2)</script>").unwrap();

        assert!(!document.contains("<script>alert"));
        assert!(document.contains("&lt;script&gt;alert(1)"));
        assert!(document.contains("a&amp;b"));
    }

    #[test]
    fn equal_profiles_give_equal_documents() {
        assert_eq!(profile("sh;main").flamegraph("x").unwrap(), profile("sh;main").flamegraph("x").unwrap());
    }

    #[test]
    fn what_was_lost_stands_in_the_picture() {
        let mut profile = profile("sh;main");
        profile.lose(7, 0);

        assert!(profile.flamegraph("x").unwrap().contains("3 samples; 7 more and 0 stacks were lost"));
    }

    #[test]
    fn nothing_cannot_be_drawn() {
        assert!(matches!(Profile::default().flamegraph("x"), Err(FlamegraphError::Empty)));
    }
}
