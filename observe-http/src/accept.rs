//! What a client would rather have.

use http::{HeaderMap, header};

/// The media ranges of a request's `Accept` header.
#[derive(Debug)]
pub(crate) struct Accept<'a> {
    ranges: Vec<Range<'a>>,
}

#[derive(Debug)]
struct Range<'a> {
    media_type: &'a str,
    quality: f64,
}

impl<'a> Accept<'a> {
    /// Reads the header; parts that make no sense are left out.
    pub(crate) fn new(headers: &'a HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges = lines.flat_map(|line| line.split(',')).map(Range::new);
        Self { ranges: ranges.take(MAX_RANGES).collect() }
    }

    /// Returns the type with the highest quality, the first of equals; `None` where the client wants none of them.
    ///
    /// Only ranges that name a type count: `*/*` says nothing about what is liked better.
    pub(crate) fn best<'b>(&self, media_types: &[&'b str]) -> Option<&'b str> {
        let mut best = (0.0, None);
        for media_type in media_types {
            let quality = self.quality(media_type);
            if quality > best.0 {
                best = (quality, Some(*media_type));
            }
        }
        best.1
    }

    /// Returns the highest quality of a range that names this type.
    fn quality(&self, media_type: &str) -> f64 {
        let matching = self.ranges.iter().filter(|range| range.media_type.eq_ignore_ascii_case(media_type));
        matching.map(|range| range.quality).fold(0.0, f64::max)
    }
}

impl<'a> Range<'a> {
    fn new(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = quality.map_or(1.0, |text| text.parse::<f64>().map_or(0.0, |quality| quality.clamp(0.0, 1.0)));
        Self { media_type, quality }
    }
}

const MAX_RANGES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [&str; 3] = ["application/json", "text/plain", "application/openmetrics-text"];

    fn best(accept: &str) -> Option<&'static str> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
        Accept::new(&headers).best(&FORMATS)
    }

    #[test]
    fn the_highest_quality_wins_and_the_first_of_equals() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

        assert_eq!(best(prometheus), Some("application/openmetrics-text"));
        assert_eq!(best("text/plain, application/json;q=0.9"), Some("text/plain"));
        assert_eq!(best("text/plain, application/json"), Some("application/json"));
        assert_eq!(best("Text/Plain"), Some("text/plain"));
    }

    #[test]
    fn wildcards_refusals_and_nonsense_prefer_nothing() {
        for accept in ["*/*", "text/*", "text/plain;q=0", "text/plain;q=x", "text/html", "", ";;,,q=1"] {
            assert_eq!(best(accept), None, "{accept:?}");
        }
    }
}
