//! The names under which the environment may hold settings, and how their text becomes values.

use std::ffi::OsString;

use toml::Value;

use super::{Layers, Origin, SettingsError, SettingsErrors};

/// What the environment says: values for keys, and remarks about names that change nothing.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    variables: Vec<(String, OsString)>,
}

impl Environment {
    /// Takes the variables of a process. A name that is not UTF-8 is none of ours; the empty string counts as unset.
    pub(crate) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let named = variables.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self { variables: named.filter(|(_, value)| !value.is_empty()).collect() }
    }

    /// Says whether a variable is set.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.variables.iter().any(|(variable, _)| variable == name)
    }

    /// Returns the text of a variable that is set.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, SettingsError> {
        let found = self.variables.iter().find(|(variable, _)| variable == name);
        found.map(|(variable, value)| utf8(variable, value)).transpose()
    }

    /// Lays the documents' names on top of `layers`, then the canonical ones. Returns remarks for the log.
    ///
    /// Where names of two documents disagree, the one of the active profile wins. What cannot be used is noted in `errors`.
    pub(crate) fn apply(&self, layers: &mut Layers, profile: &str, errors: &mut SettingsErrors) -> Vec<String> {
        let mut remarks = Vec::new();
        let mut taken = Vec::new();
        for name in NAMES {
            let remark = self.apply_document(name, layers, profile, &mut taken);
            remarks.extend(errors.note(remark).flatten());
        }
        for (name, value) in &self.variables {
            let remark = apply_canonical(name, value, layers);
            remarks.extend(errors.note(remark).flatten());
        }
        remarks
    }

    /// Lays the value of one name of a document on top; `taken` holds those before it.
    fn apply_document<'n>(
        &self,
        name: &'n Name,
        layers: &mut Layers,
        profile: &str,
        taken: &mut Vec<(&'n Name, Value)>,
    ) -> Result<Option<String>, SettingsError> {
        let Some(text) = self.text(name.variable)? else { return Ok(None) };
        let key = match name.effect {
            Effect::Sets(key) => key,
            Effect::Chooses { when, key, value } => {
                if parse_named(name.variable, key, text, Some(&Value::Boolean(when)))? == Value::Boolean(when) {
                    layers.set(key, value.into(), Origin::Environment(name.variable.to_owned()))?;
                }
                return Ok(None);
            }
            Effect::None(reason) => return Ok(Some(format!("{} has no effect: {reason}", name.variable))),
            Effect::NotBuilt(key) => {
                if name.variable == DEBUG {
                    parse_named(name.variable, key, text, Some(&Value::Boolean(false)))?;
                }
                return Ok(Some(format!("{} has no effect: `{key}` is not built yet", name.variable)));
            }
        };
        let other = taken.iter().find(|(other, _)| other.effect == name.effect);
        if other.is_some_and(|(other, _)| other.profile == profile) {
            return Ok(None);
        }
        let value = parse_named(name.variable, key, text, layers.value(key))?;
        if let Some((other, other_value)) = other
            && name.profile != profile
            && !is_same(other_value, &value)
        {
            let (first, second) = (other.variable.to_owned(), name.variable.to_owned());
            return Err(SettingsError::Conflict { key: key.to_owned(), first, second });
        }
        layers.set(key, value.clone(), Origin::Environment(name.variable.to_owned()))?;
        taken.push((name, value));
        Ok(None)
    }

    /// Refuses what the environment asks for and production must not have, or must have and is not built.
    pub(crate) fn check_production(&self) -> Result<(), SettingsErrors> {
        let mut errors = SettingsErrors::default();
        let refused = |variable: &str, key: &str, problem: &str| SettingsError::Refused {
            key: key.to_owned(),
            origin: Origin::Environment(variable.to_owned()),
            problem: problem.to_owned(),
        };
        // A text that is no boolean was refused before.
        if self.text(DEBUG)?.and_then(parse_bool).unwrap_or(false) {
            errors.push(refused(DEBUG, "server.debug", "debugging is on"));
        }
        for name in NAMES.iter().filter(|name| self.has(name.variable)) {
            if let Effect::NotBuilt(key) = name.effect
                && PROTECTIONS.iter().any(|section| key.starts_with(section))
            {
                errors.push(refused(name.variable, key, "asks for a protection that is not built yet"));
            }
        }
        errors.or(())
    }
}

/// One name that a document uses.
#[derive(Debug)]
struct Name {
    variable: &'static str,
    /// The profile of the document.
    profile: &'static str,
    effect: Effect,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Effect {
    /// This value of the key, where the variable is so.
    Chooses { when: bool, key: &'static str, value: &'static str },
    /// Nothing, for this reason.
    None(&'static str),
    /// Nothing yet.
    NotBuilt(&'static str),
    /// The value of this key.
    Sets(&'static str),
}

const fn chooses(
    profile: &'static str,
    variable: &'static str,
    when: bool,
    key: &'static str,
    value: &'static str,
) -> Name {
    Name { variable, profile, effect: Effect::Chooses { when, key, value } }
}

const fn sets(profile: &'static str, variable: &'static str, key: &'static str) -> Name {
    Name { variable, profile, effect: Effect::Sets(key) }
}

const fn not_built(profile: &'static str, variable: &'static str, key: &'static str) -> Name {
    Name { variable, profile, effect: Effect::NotBuilt(key) }
}

const fn without(profile: &'static str, variable: &'static str, reason: &'static str) -> Name {
    Name { variable, profile, effect: Effect::None(reason) }
}

/// Lays the value of a variable such as `OBSERVE_SERVER__PORT` on top; other variables change nothing.
fn apply_canonical(name: &str, value: &OsString, layers: &mut Layers) -> Result<Option<String>, SettingsError> {
    let Some(rest) = name.strip_prefix(PREFIX) else { return Ok(None) };
    let key = rest.to_ascii_lowercase().replace(SEPARATOR, ".");
    if !rest.contains(SEPARATOR) {
        if let Some(Value::Table(_)) = layers.value(&key) {
            return Err(invalid(name, &key, format!("is a section; its values are set as {name}{SEPARATOR}KEY")));
        }
        return Ok(remark_on_single_name(name, rest, layers));
    }
    let origin = Origin::Environment(name.to_owned());
    if key.split('.').any(str::is_empty) {
        return Err(SettingsError::Unknown { key, origin, nearest: None, beside: Vec::new() });
    }
    let value = parse_named(name, &key, utf8(name, value)?, layers.value(&key))?;
    layers.set(&key, value, origin)?;
    Ok(None)
}

fn utf8<'a>(name: &str, value: &'a OsString) -> Result<&'a str, SettingsError> {
    value.to_str().ok_or_else(|| invalid(name, name, "is not UTF-8".to_owned()))
}

fn invalid(variable: &str, key: &str, problem: String) -> SettingsError {
    SettingsError::Invalid { key: key.to_owned(), origin: Origin::Environment(variable.to_owned()), problem }
}

/// Makes a value of the text of `variable`; `like` is the present value of the key.
fn parse_named(variable: &str, key: &str, text: &str, like: Option<&Value>) -> Result<Value, SettingsError> {
    if let Some(Value::Table(_)) = like {
        return Err(invalid(variable, key, format!("is a section; its values are set as {variable}{SEPARATOR}KEY")));
    }
    parse(text, like).map_err(|problem| invalid(variable, key, problem))
}

/// Tells whether two values mean the same: names, levels and hosts may be written in any case.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.eq_ignore_ascii_case(other),
        _ => one == other,
    }
}

/// Makes of a text what the present value of the key is: lists are TOML, or texts separated by commas.
fn parse(text: &str, like: Option<&Value>) -> Result<Value, String> {
    match like {
        Some(Value::Boolean(_)) => {
            parse_bool(text).map(Value::from).ok_or("expected true, false, 1, 0, yes, no, on or off".to_owned())
        }
        Some(Value::Integer(_)) => {
            text.trim().parse::<i64>().map(Value::from).map_err(|_| "expected a whole number".to_owned())
        }
        Some(Value::Float(_)) => {
            text.trim().parse::<f64>().map(Value::from).map_err(|_| "expected a number".to_owned())
        }
        Some(Value::Array(_)) if text.trim_start().starts_with('[') => {
            text.parse::<Value>().map_err(|error| format!("expected a list: {}", error.message()))
        }
        Some(Value::Array(_)) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(Value::from).collect()))
        }
        Some(_) | None => Ok(Value::from(text)),
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// `OBSERVE_SERVER_PORT` is no setting, but somebody meant one.
fn remark_on_single_name(name: &str, rest: &str, layers: &Layers) -> Option<String> {
    let lower = rest.to_ascii_lowercase();
    let known = super::leaves(layers.table());
    let (key, _) = known.iter().find(|(key, _)| key.replace('.', "_") == lower)?;
    let meant = key.to_ascii_uppercase().replace('.', SEPARATOR);
    Some(format!("{name} has no effect: did you mean {PREFIX}{meant}?"))
}

const PREFIX: &str = "OBSERVE_";
const SEPARATOR: &str = "__";
const DEBUG: &str = "DEBUG";

/// Sections whose absence makes the server less protected than the environment asks for.
const PROTECTIONS: [&str; 5] = ["auth.", "github.webhook", "rate_limit.", "store.encryption", "tls."];

/// Every name that a document lists, with the profile that the document describes.
const NAMES: &[Name] = &[
    sets("all", "OBSERVE_PROFILE", "server.profile"),
    sets("observer-eye", "FASTAPI_ENV", "server.environment"),
    sets("observer-eye", "FASTAPI_HOST", "server.host"),
    sets("observer-eye", "FASTAPI_PORT", "server.port"),
    sets("observer-eye", "FASTAPI_WORKERS", "server.worker_threads"),
    sets("observer-eye", "LOG_FORMAT", "log.format"),
    sets("observer-eye", "LOG_LEVEL", "log.level"),
    sets("observer-eye", "DATABASE_URL", "store.url"),
    sets("webhooks", "ENVIRONMENT", "server.environment"),
    sets("webhooks", "HOST", "server.host"),
    sets("webhooks", "PORT", "server.port"),
    chooses("observer-eye", "EBPF_MOCK_MODE", true, "ebpf.mode", "simulated"),
    chooses("observer-eye", "EBPF_ENABLED", false, "ebpf.mode", "off"),
    sets("observer-eye", "DEEP_MONITORING_ENABLED", "deep.enabled"),
    sets("observer-eye", "KERNEL_MONITORING_ENABLED", "deep.kernel"),
    sets("observer-eye", "PAYLOAD_INSPECTION_ENABLED", "deep.payload"),
    not_built("observer-eye", "ANALYTICS_URL", "forward.analytics_url"),
    not_built("alerting", "ADMIN_TOKEN", "auth.admin_token"),
    not_built("alerting", "ALERT_WEBHOOK_URL", "notify.webhook.url"),
    not_built("alerting", "ALERT_WEBHOOK_RETRIES", "notify.webhook.retries"),
    not_built("alerting", "ALERT_WEBHOOK_BACKOFF", "notify.webhook.backoff"),
    not_built("alerting", "ALERT_SMTP_HOST", "notify.smtp.host"),
    not_built("alerting", "ALERT_SMTP_PORT", "notify.smtp.port"),
    not_built("alerting", "ALERT_SMTP_USER", "notify.smtp.user"),
    not_built("alerting", "ALERT_SMTP_PASS", "notify.smtp.password"),
    not_built("alerting", "ALERT_FROM", "notify.smtp.from"),
    not_built("alerting", "ALERT_TO", "notify.smtp.to"),
    not_built("webhooks", DEBUG, "server.debug"),
    not_built("webhooks", "GITHUB_APP_ID", "github.app_id"),
    not_built("webhooks", "GITHUB_PRIVATE_KEY_PATH", "github.private_key_path"),
    not_built("webhooks", "GITHUB_WEBHOOK_SECRET", "github.webhook_secrets"),
    not_built("webhooks", "SECRET_KEY", "auth.secret_key"),
    not_built("webhooks", "ENCRYPTION_KEY", "store.encryption_key"),
    not_built("webhooks", "RATE_LIMIT_PER_MINUTE", "rate_limit.default_per_minute"),
    not_built("webhooks", "SSL_KEYFILE", "tls.key"),
    not_built("webhooks", "SSL_CERTFILE", "tls.cert"),
    not_built("webhooks", "SSL_CA_CERTS", "tls.client_ca"),
    without("observer-eye", "FASTAPI_RELOAD", "there is nothing to reload in a compiled program"),
    without("observer-eye", "REDIS_URL", "the bus is in process"),
    without("observer-eye", "UVICORN_HTTP", "there is one HTTP implementation"),
    without("observer-eye", "UVICORN_LOOP", "there is one event loop"),
];

#[cfg(test)]
mod tests;
