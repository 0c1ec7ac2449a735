//! Lists in pages: limits, cursors that cannot be forged, and the way to the next page.

use std::{fmt, sync::Arc};

use axum::{
    Json as Body,
    response::{IntoResponse, Response},
};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, header};
use observe_core::MetricKey;
use serde::Serialize;
use sha2::Sha256;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type},
    },
};

use crate::{
    Problem,
    extract::{Fields, Parameter, Shape, encode},
};

/// The most items of one page.
pub(crate) static LIMIT: Parameter =
    Parameter::new("limit", Shape::Integer { min: 1, max: 1000 }, "The most items in one page.").default("100");

/// Where the last page ended.
pub(crate) static CURSOR: Parameter = Parameter::new(
    "cursor",
    Shape::Text { max_bytes: 4096 },
    "Goes on where a page ended: its `next_cursor`, with the same filters.",
);

/// Which page of which question is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Paging {
    /// The most items.
    pub(crate) limit: usize,
    /// The path and the filters, in one spelling.
    question: String,
    cursor: Option<String>,
}

impl Paging {
    /// Reads the page's parameters; `parameters` are all that belong to the question.
    pub(crate) fn from_fields(fields: &mut Fields<'_>, parameters: &[&Parameter]) -> Self {
        Self {
            limit: fields.unsigned(&LIMIT).and_then(|limit| usize::try_from(limit).ok()).unwrap_or(1),
            question: fields.canonical(parameters, &[LIMIT.name, CURSOR.name]),
            cursor: fields.text(&CURSOR),
        }
    }
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    /// The items of this page.
    items: Vec<T>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
    #[serde(skip)]
    link: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page; `next` is the position of its last item where there are more.
    pub(crate) fn new(cursors: &Cursors, paging: &Paging, items: Vec<T>, next: Option<&[u8]>) -> Self {
        let next_cursor = next.map(|position| cursors.seal(&paging.question, position));
        let link = next_cursor.as_ref().map(|cursor| {
            let mark = if paging.question.contains('?') { '&' } else { '?' };
            let mut link = format!("<{}{mark}limit={}&cursor=", paging.question, paging.limit);
            encode(cursor, &mut link);
            link.push_str(">; rel=\"next\"");
            link
        });
        Self { items, next_cursor, link }
    }
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let cursor = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("Where the next page begins; null on the last one."));
        ObjectBuilder::new()
            .description(Some("One page of a list."))
            .property("items", ArrayBuilder::new().items(T::schema()).description(Some("The items of this page.")))
            .property("next_cursor", cursor)
            .required("items")
            .required("next_cursor")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(mut self) -> Response {
        let link = self.link.take().and_then(|link| HeaderValue::try_from(link).ok());
        let mut response = Body(self).into_response();
        if let Some(link) = link {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

/// Signs cursors, so that only positions that were handed out come back, and only to the same question.
#[derive(Clone)]
pub(crate) struct Cursors {
    mac: Arc<Hmac<Sha256>>,
}

impl Cursors {
    /// Signs with `key`; two processes with the same key understand each other's cursors.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // A key shorter than a block stands for itself with zeros behind it.
        let mut block = [0; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte = *key);
        Self { mac: Arc::new(Hmac::new(&block.into())) }
    }

    /// Returns the position in the cursor of `paging`; `None` where it has no cursor.
    pub(crate) fn open(&self, paging: &Paging) -> Result<Option<Vec<u8>>, Problem> {
        let Some(cursor) = &paging.cursor else { return Ok(None) };
        let bytes = const_hex::decode(cursor).map_err(|_| Problem::invalid_cursor())?;
        let (tag, position) = bytes.split_at_checked(TAG_BYTES).ok_or_else(Problem::invalid_cursor)?;
        self.mac(&paging.question, position).verify_truncated_left(tag).map_err(|_| Problem::invalid_cursor())?;
        Ok(Some(position.to_vec()))
    }

    /// Returns the number that was sealed as a position.
    pub(crate) fn open_number(&self, paging: &Paging) -> Result<Option<u64>, Problem> {
        let position = self.open(paging)?;
        position
            .map(|bytes| bytes.try_into().map(u64::from_be_bytes).map_err(|_| Problem::invalid_cursor()))
            .transpose()
    }

    /// Returns the key of a series that was sealed as a position.
    pub(crate) fn open_key(&self, paging: &Paging) -> Result<Option<MetricKey>, Problem> {
        let Some(position) = self.open(paging)? else { return Ok(None) };
        let key = String::from_utf8(position).ok().and_then(|text| text.parse().ok());
        key.map(Some).ok_or_else(Problem::invalid_cursor)
    }

    fn seal(&self, question: &str, position: &[u8]) -> String {
        let tag = self.mac(question, position).finalize().into_bytes();
        let mut text = const_hex::encode(tag.get(..TAG_BYTES).unwrap_or_default());
        text.push_str(&const_hex::encode(position));
        text
    }

    fn mac(&self, question: &str, position: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::clone(&self.mac);
        mac.update(&(question.len() as u64).to_be_bytes());
        mac.update(question.as_bytes());
        mac.update(position);
        mac
    }
}

impl fmt::Debug for Cursors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursors(***)")
    }
}

/// Cuts a page out of a list of series: those behind `after`, in the order of their names.
///
/// Beside the page comes the position of its last item, where more follow.
pub(crate) fn of_keys(
    mut keys: Vec<MetricKey>,
    after: Option<&[u8]>,
    limit: usize,
) -> (Vec<MetricKey>, Option<Vec<u8>>) {
    keys.sort_by_cached_key(ToString::to_string);
    if let Some(after) = after {
        keys.retain(|key| key.to_string().as_bytes() > after);
    }
    let is_cut = keys.len() > limit;
    keys.truncate(limit);
    let last = keys.last().map(|key| key.to_string().into_bytes());
    (keys, last.filter(|_| is_cut))
}

const TAG_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paging(question: &str, cursor: Option<String>) -> Paging {
        Paging { limit: 10, question: question.to_owned(), cursor }
    }

    fn is_refused(cursors: &Cursors, question: &str, cursor: &str) -> bool {
        cursors.open(&paging(question, Some(cursor.to_owned()))).is_err()
    }

    #[test]
    fn a_cursor_opens_for_its_own_question_only() {
        let (ours, theirs) = (Cursors::new(&[1; 32]), Cursors::new(&[2; 32]));
        let cursor = ours.seal("/events?source=a", &7_u64.to_be_bytes());

        let opened = ours.open_number(&paging("/events?source=a", Some(cursor.clone())));

        assert_eq!(opened.unwrap(), Some(7));
        assert!(is_refused(&ours, "/events?source=b", &cursor), "another filter");
        assert!(is_refused(&theirs, "/events?source=a", &cursor), "another key");
    }

    #[test]
    fn every_flipped_digit_is_noticed() {
        let cursors = Cursors::new(&[1; 32]);
        let cursor = cursors.seal("/events", &7_u64.to_be_bytes());

        for at in 0..cursor.len() {
            let mut forged = cursor.clone().into_bytes();
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            assert!(is_refused(&cursors, "/events", std::str::from_utf8(&forged).unwrap()), "digit {at}");
        }
    }

    #[test]
    fn texts_that_were_never_cursors_are_refused() {
        let cursors = Cursors::new(&[1; 32]);

        for text in ["0", "zz", "00", &"0".repeat(32), &"f".repeat(4096), "é"] {
            assert!(is_refused(&cursors, "/events", text), "{text}");
        }
    }

    #[test]
    fn the_link_repeats_the_question() {
        let page = Page::new(&Cursors::new(&[1; 32]), &paging("/events?source=a", None), vec![1], Some(&[1]));

        let link = page.into_response().headers()["link"].to_str().unwrap().to_owned();

        assert!(link.starts_with("</events?source=a&limit=10&cursor="), "{link}");
        assert!(link.ends_with(">; rel=\"next\""), "{link}");
    }

    proptest! {
        #[test]
        fn no_cursor_panics(text in ".{0,80}") {
            prop_assert!(is_refused(&Cursors::new(&[1; 32]), "/events", &text));
        }
    }
}
