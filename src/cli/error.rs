//! What can go wrong with a command that works on what is stored, what to do about it, and the exit code.

use std::{io, path::PathBuf, process::ExitCode};

use observe::StoreError;

use super::{BAD_CONFIGURATION, FAILED, NOT_PERMITTED, UNREACHABLE, WRONG_USAGE, fail, fail_settings};
use crate::settings::SettingsErrors;

/// Says why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// It did its work, but for what is damaged.
    #[error("{whose}: damaged rows were met {times} time{}", if *times == 1 { "" } else { "s" })]
    Damaged { whose: &'static str, times: u64 },
    /// It did its work, and found something that was told already.
    #[error("something was found")]
    Found,
    /// What was read makes no sense.
    #[error("{place}: {problem}")]
    Input { place: String, problem: String, help: String },
    /// Nothing is stored with these settings.
    #[error("`store.url` is \"memory\": nothing is stored")]
    NotStored,
    /// A file cannot be read or written.
    #[error("cannot {verb} {}", path.display())]
    File { verb: &'static str, path: PathBuf, source: io::Error },
    /// There is no answer that could be given.
    #[error("{problem}")]
    Nothing { problem: String, help: String },
    /// A server does not answer, or not as it should.
    #[error("cannot ask {url}: {problem}")]
    Remote { url: String, problem: String, help: String, code: u8 },
    /// The runtime cannot be started.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    /// Settings cannot be used.
    #[error("settings cannot be used")]
    Settings(SettingsErrors),
    /// A signal ended it early.
    #[error("stopped by a signal")]
    Stopped { help: &'static str },
    /// The store cannot answer, or cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The kernel does not let itself be traced.
    #[error("cannot trace: {problem}")]
    Untraced { problem: String, help: String },
    /// What was asked does not go together.
    #[error("{problem}")]
    Usage { problem: String, help: String },
    /// Nobody reads what is written any more.
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

impl CommandError {
    fn help(&self) -> String {
        let text = match self {
            Self::Input { help, .. }
            | Self::Nothing { help, .. }
            | Self::Remote { help, .. }
            | Self::Untraced { help, .. }
            | Self::Usage { help, .. } => return help.clone(),
            Self::Damaged { .. } => "`observe store check` tells everything that is damaged",
            Self::NotStored => "name a database: --db FILE, or `store.url` in the settings",
            Self::File { .. } | Self::Write(_) => "check the path, its permissions and the space that is left",
            Self::Stopped { help } => help,
            Self::Runtime(_) => "raise the limits of threads, of memory or of open files",
            Self::Store(error) => return store_help(error).to_owned(),
            Self::Found | Self::Settings(_) => "",
        };
        text.to_owned()
    }

    const fn code(&self) -> u8 {
        match self {
            Self::NotStored | Self::Settings(_) => BAD_CONFIGURATION,
            Self::Remote { code, .. } => *code,
            Self::Untraced { .. } => NOT_PERMITTED,
            Self::Usage { .. } => WRONG_USAGE,
            Self::Store(StoreError::Unavailable { .. }) => UNREACHABLE,
            _ => FAILED,
        }
    }
}

impl From<SettingsErrors> for CommandError {
    fn from(errors: SettingsErrors) -> Self {
        Self::Settings(errors)
    }
}

/// Ends a command: tells what went wrong, if anything did.
pub(super) fn finish(outcome: Result<(), CommandError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough, as `head` does.
        Err(CommandError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(CommandError::Found) => ExitCode::from(FAILED),
        Err(CommandError::Settings(errors)) => fail_settings(&errors),
        Err(error) => fail(&error, &error.help(), error.code()),
    }
}

const fn store_help(error: &StoreError) -> &'static str {
    match error {
        StoreError::Corrupt { .. } => "`observe store check` tells everything that is damaged",
        StoreError::Held { .. } => "stop the server that uses it; reading commands work beside it",
        StoreError::TooMany { .. } => "ask for fewer series, a shorter range or a longer step",
        StoreError::Unanswerable { .. } => "ask as the message says",
        StoreError::Unavailable { .. } => "look whether the database can be reached and has room, then try again",
        _ => "name another database with --db, or `store.url` in the settings",
    }
}
