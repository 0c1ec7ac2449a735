#![doc = include_str!("../README.md")]

mod accept;
mod aside;
mod body;
mod config;
mod exposition;
pub mod extract;
mod kernel;
mod layers;
mod openapi;
mod page;
mod prefix;
mod problem;
mod process;
mod profiles;
mod range;
mod recent;
mod rendered;
mod routes;
mod server;
mod state;
mod time;

pub use self::{
    config::{Config, Environment, InvalidConfig, UnknownEnvironment},
    problem::{FieldError, Problem},
    profiles::{Profile, UnknownProfile},
    server::{BindError, Drained, Server, ServerStats},
    state::AppState,
};

/// Makes the routes of the profile that the state's settings name, `/api/v1`, and everything common to all profiles.
///
/// It can stand alone behind a [`Server`], or be nested in a service of your own.
///
/// # Examples
///
/// ```
/// use observe_core::Engine;
/// use observe_http::{AppState, Config, router};
///
/// let engine = Engine::builder().start()?;
/// let state = AppState::new(engine.handle().clone(), Config::default());
///
/// let service: axum::Router = axum::Router::new().nest("/observe", router(state));
/// # Ok::<(), observe_core::StartError>(())
/// ```
#[expect(clippy::needless_pass_by_value, reason = "the state belongs to the router from here on")]
pub fn router(state: AppState) -> axum::Router {
    let rows = state.config().profile.rows(state.config());
    routes::mount(rows, &state)
}
