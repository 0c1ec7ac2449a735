//! The description of the interface for programs: OpenAPI 3.1, made from the table of routes.

use std::collections::BTreeMap;

use utoipa::{
    PartialSchema,
    openapi::{
        ComponentsBuilder, Content, InfoBuilder, OpenApiBuilder, PathItem, PathsBuilder, Ref, RefOr, ResponseBuilder,
        Server,
        path::{HttpMethod, OperationBuilder, ParameterIn},
        schema::Schema,
    },
};

use crate::{
    Config,
    problem::ProblemBody,
    routes::{Row, root::VERSION},
    time::{EpochSeconds, Rfc3339, Rfc3339Millis},
};

/// Writes the document for what `config` mounts, below the path `prefix` where that is not empty.
pub(crate) fn document(config: &Config, prefix: &str) -> Vec<u8> {
    let rows = config.profile.rows(config);
    let info = InfoBuilder::new()
        .title(config.profile.title())
        .version(VERSION)
        .description(Some(config.profile.description()))
        .build();
    let paths = rows.iter().fold(PathsBuilder::new(), |paths, row| {
        paths.path(row.path, PathItem::new(method(row.method), operation(row)))
    });
    let document = OpenApiBuilder::new()
        .info(info)
        .servers((!prefix.is_empty()).then(|| [Server::new(prefix)]))
        .paths(paths)
        .components(Some(ComponentsBuilder::new().schemas_from_iter(schemas(&rows)).build()))
        .build();
    serde_json::to_vec(&document).unwrap_or_default()
}

/// Collects every schema that a row's answer refers to, and that of problems.
fn schemas(rows: &[Row]) -> BTreeMap<String, RefOr<Schema>> {
    let mut schemas = Vec::new();
    rows.iter().for_each(|row| (row.answer.collect)(&mut schemas));
    <ProblemBody<'static> as utoipa::ToSchema>::schemas(&mut schemas);
    for (name, schema) in [
        ("EpochSeconds", EpochSeconds::schema()),
        ("Rfc3339", Rfc3339::schema()),
        ("Rfc3339Millis", Rfc3339Millis::schema()),
    ] {
        schemas.push((name.to_owned(), schema));
    }
    schemas.push((PROBLEM.to_owned(), ProblemBody::schema()));
    schemas.into_iter().collect()
}

fn operation(row: &Row) -> OperationBuilder {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(operation_id(row)))
        .summary(Some(row.about))
        .tag(tag(row.path))
        .response(row.answer.status.to_string(), success(row));
    for parameter in row.path_parameters {
        operation = operation.parameter(parameter.documentation(ParameterIn::Path));
    }
    for parameter in row.query {
        operation = operation.parameter(parameter.documentation(ParameterIn::Query));
    }
    for status in row.failures {
        operation = operation.response(status.to_string(), problem(meaning(*status)));
    }
    operation.response("default", problem("Any other failure"))
}

fn success(row: &Row) -> ResponseBuilder {
    let schema = row.answer.schema.map(|schema| schema());
    row.answer.media_types.iter().fold(ResponseBuilder::new().description(row.about), |response, media_type| {
        let content = Content::new(schema.clone().filter(|_| *media_type == "application/json"));
        response.content(*media_type, content)
    })
}

fn problem(description: &str) -> ResponseBuilder {
    let content = Content::new(Some(RefOr::<Schema>::Ref(Ref::from_schema_name(PROBLEM))));
    ResponseBuilder::new().description(description).content("application/problem+json", content)
}

const fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The cursor, or something else outside the fields, is not valid",
        403 => "Not allowed",
        404 => "There is no such thing",
        422 => "A field is not valid; `errors` names it",
        503 => "Not now",
        _ => "A failure",
    }
}

fn method(name: &str) -> HttpMethod {
    match name {
        "DELETE" => HttpMethod::Delete,
        "PATCH" => HttpMethod::Patch,
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        _ => HttpMethod::Get,
    }
}

/// Makes an id from method and path: `get_api_v1_events_id`.
fn operation_id(row: &Row) -> String {
    let words = row.path.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    let name = if words.is_empty() { "root".to_owned() } else { words.join("_") };
    format!("{}_{name}", row.method.to_ascii_lowercase())
}

fn tag(path: &str) -> &'static str {
    if path.starts_with("/api/v1") { "api" } else { "root" }
}

const PROBLEM: &str = "Problem";
