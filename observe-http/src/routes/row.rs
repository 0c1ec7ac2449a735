//! One row of the table of routes.

use axum::{
    handler::Handler,
    routing::{self, MethodRouter},
};
use utoipa::{
    ToSchema,
    openapi::{RefOr, schema::Schema},
};

use crate::{
    AppState,
    extract::{FromQuery, Parameter},
};

/// A route: how it is asked for, what it is for, who answers.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) about: &'static str,
    pub(crate) handler: MethodRouter<AppState>,
    pub(crate) query: &'static [&'static Parameter],
    pub(crate) path_parameters: &'static [&'static Parameter],
    pub(crate) answer: Answer,
    pub(crate) failures: &'static [u16],
    pub(crate) is_compressed: bool,
}

/// What a route answers when all is well.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media_types: &'static [&'static str],
    pub(crate) schema: Option<fn() -> RefOr<Schema>>,
    pub(crate) collect: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Row {
    /// Makes a row for GET, which answers HEAD too.
    pub(crate) fn get<H, T>(path: &'static str, about: &'static str, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self {
            method: "GET",
            path,
            about,
            handler: routing::get(handler),
            query: &[],
            path_parameters: &[],
            answer: Answer { status: 200, media_types: &["application/json"], schema: None, collect: |_| {} },
            failures: &[],
            is_compressed: false,
        }
    }

    /// Says which query is read.
    pub(crate) const fn reads<Q: FromQuery>(mut self) -> Self {
        self.query = Q::PARAMETERS;
        self.failures = &[422];
        self
    }

    /// Says which part of the path is open.
    pub(crate) const fn at(mut self, parameters: &'static [&'static Parameter]) -> Self {
        self.path_parameters = parameters;
        self
    }

    /// Says what the body looks like.
    pub(crate) fn answers<T: ToSchema>(mut self) -> Self {
        self.answer.schema = Some(T::schema);
        self.answer.collect = T::schemas;
        self
    }

    /// Says that the body is not JSON but one of these.
    pub(crate) const fn media(mut self, media_types: &'static [&'static str]) -> Self {
        self.answer.media_types = media_types;
        self
    }

    /// Says which status means that all is well, where it is not 200.
    pub(crate) const fn status(mut self, status: u16) -> Self {
        self.answer.status = status;
        self
    }

    /// Says which problems may come back, those aside that any route may have.
    pub(crate) const fn fails(mut self, failures: &'static [u16]) -> Self {
        self.failures = failures;
        self
    }

    /// Marks an answer that can be large enough to be worth compressing.
    pub(crate) const fn compressed(mut self) -> Self {
        self.is_compressed = true;
        self
    }
}
