//! `observe store check`: whether everything that is stored can be read.

use observe::{
    StoreError,
    store::{Damage, SqlStore},
};
use serde_json::json;

use crate::{
    cli::{Global, error::CommandError, output, store_access::Database},
    settings::Environment,
};

/// Reads everything that is stored and tells what is damaged; exit code 1 where anything is
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Prints JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: Database,
}

impl Args {
    pub(super) async fn run(self, global: &Global, environment: &Environment) -> Result<(), CommandError> {
        let store = SqlStore::read(&self.database.config(global, environment)?).await.map_err(unreadable)?;
        let mut told: Vec<Damage> = Vec::new();
        let checked = store
            .check(|damage| {
                if told.len() < MAX_TOLD {
                    told.push(damage);
                }
            })
            .await
            .map_err(unreadable)?;
        let damages = checked.damages;
        let text = if self.json {
            let list: Vec<_> =
                told.iter().map(|Damage { what, reason, .. }| json!({ "what": what, "reason": reason })).collect();
            let (rows, points) = (checked.rows, checked.points);
            format!("{:#}\n", json!({ "rows": rows, "points": points, "damages": damages, "damaged": list }))
        } else {
            let mut text = String::new();
            told.iter().for_each(|Damage { what, reason, .. }| text.push_str(&format!("damaged: {what}: {reason}\n")));
            if damages > MAX_TOLD as u64 {
                text.push_str(&format!("and {} more\n", damages - MAX_TOLD as u64));
            }
            let sum = if damages == 0 { "nothing is damaged".to_owned() } else { format!("{damages} damaged") };
            text + &format!("{} rows with {} points and buckets: {sum}\n", checked.rows, checked.points)
        };
        output::write(&text)?;
        if damages == 0 { Ok(()) } else { Err(CommandError::Found) }
    }
}

/// Says what is left to do where there is so much damage that nothing can be read.
fn unreadable(error: StoreError) -> CommandError {
    match error {
        StoreError::Corrupt { .. } => CommandError::Nothing {
            problem: error.to_string(),
            help: "nothing in it can be looked into before that".to_owned(),
        },
        _ => error.into(),
    }
}

/// What is damaged is counted, and told up to here.
const MAX_TOLD: usize = 1_000;
