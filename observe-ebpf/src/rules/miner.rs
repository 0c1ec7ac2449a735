//! Signs of mining: names of programs, arguments, messages to a pool.

use super::{command::Command, text::contains};

/// Returns what about a command line says that it mines.
pub(super) fn command(command: Command<'_>) -> Option<&'static str> {
    let name = command.name.to_ascii_lowercase();
    let stem = name.split(['-', '_', '.']).next().unwrap_or_default();
    if PROGRAMS.contains(&name.as_str()) || PROGRAMS.contains(&stem) {
        return Some("name of a known miner");
    }
    let is_pool = |argument: &str| POOLS.iter().any(|scheme| argument.contains(scheme));
    let is_option = |argument: &str| OPTIONS.iter().any(|option| argument.starts_with(option));
    // A browser or an editor may be given such an address among others; only options and their values count.
    if command.arguments().any(|argument| !argument.contains(char::is_whitespace) && is_pool(argument)) {
        return Some("address of a mining pool");
    }
    command.arguments().any(is_option).then_some("option of a known miner")
}

/// Returns what about a payload says that it is a message between a miner and its pool.
pub(super) fn message(bytes: &[u8]) -> Option<&'static str> {
    if !bytes.trim_ascii_start().starts_with(b"{") || !contains(bytes, b"\"method\"") {
        return None;
    }
    let has = |needle: &str| contains(bytes, needle.as_bytes());
    if let Some(method) = METHODS.iter().copied().find(|method| has(method)) {
        return Some(method);
    }
    let is_login = has("\"login\"") && has("\"jsonrpc\"") && has("\"params\"");
    (is_login && ["\"agent\"", "\"algo\"", "\"rigid\""].into_iter().any(has)).then_some("\"login\"")
}

const PROGRAMS: &[&str] = &[
    "bfgminer",
    "ccminer",
    "cgminer",
    "claymore",
    "cpuminer",
    "ethminer",
    "gminer",
    "kdevtmpfsi",
    "kinsing",
    "lolminer",
    "minerd",
    "nanominer",
    "nbminer",
    "nheqminer",
    "phoenixminer",
    "srbminer",
    "teamredminer",
    "trex",
    "xmrig",
    "xmrminer",
];
const POOLS: &[&str] = &["stratum+ssl://", "stratum+tcp://", "stratum+tls://", "stratum1+", "stratum2+"];
const OPTIONS: &[&str] = &["--donate-level", "--nicehash", "--randomx-", "--cpu-max-threads-hint"];
const METHODS: &[&str] = &[
    "\"eth_submitHashrate\"",
    "\"eth_submitLogin\"",
    "\"eth_submitWork\"",
    "\"mining.authorize\"",
    "\"mining.notify\"",
    "\"mining.submit\"",
    "\"mining.subscribe\"",
];

#[cfg(test)]
mod tests {
    use crate::rules::testing::{found_in_payload, found_in_start, is_only};

    #[test]
    fn programs_that_mine_are_found() {
        for line in [
            &["xmrig"][..],
            &["xmrig-6.21", "-c", "x"],
            &["SRBMiner-MULTI"],
            &["kworker", "-o", "stratum+tcp://pool.example.com:3333", "-u", "x"],
            &["a", "--url=stratum+ssl://pool.example.com:443"],
            &["a", "--donate-level=1"],
        ] {
            assert!(is_only(&found_in_start(&format!("/opt/{}", line[0]), line), "crypto_miner"), "{line:?}");
        }
    }

    #[test]
    fn programs_that_speak_of_mining_are_not() {
        for line in [
            &["grep", "-r", "xmrig", "."][..],
            &["vim", "stratum.md"],
            &["git", "commit", "-m", "Refuse stratum+tcp:// in settings"],
            &["minerals"],
            &["trexio"],
        ] {
            assert_eq!(found_in_start(&format!("/usr/bin/{}", line[0]), line), [], "{line:?}");
        }
    }

    #[test]
    fn messages_to_pools_are_found_by_their_method() {
        for text in [
            r#"{"id":1,"method":"mining.subscribe","params":["cpuminer/2.5"]}"#,
            r#"{"id": 2, "method": "mining.authorize", "params": ["WALLET.worker", "hunter2"]}"#,
            r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"WALLET","pass":"x","agent":"XMRig/6"}}"#,
            r#"{"method":"eth_submitLogin","params":["0xWALLET"],"id":1}"#,
        ] {
            let found = found_in_payload(3333, text.as_bytes());

            assert!(is_only(&found, "crypto_miner"), "{text}");
            assert!(!found[0].1.contains("WALLET") && !found[0].1.contains("hunter2"), "{found:?}");
        }
        for text in [
            r#"{"jsonrpc":"2.0","method":"login","params":{"login":"me","password":"x"},"id":1}"#,
            r#"{"method":"mining","params":[]}"#,
            r#"{"text":"mining.subscribe"}"#,
            r#"method mining.subscribe"#,
        ] {
            assert_eq!(found_in_payload(3333, text.as_bytes()), [], "{text}");
        }
    }
}
