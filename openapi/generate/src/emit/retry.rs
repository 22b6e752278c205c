//! `docs/retry-safety.md`: a function of the rules below and of the curation's classes.

use std::fmt::Write as _;

use crate::curation::RetryClass;
use crate::ir::Program;

/// Attempts of a call that keeps failing, by default.
const ATTEMPTS: u32 = 3;

/// What a failure shows about the request.
#[derive(Clone, Copy)]
enum Reached {
    /// It never left.
    No,
    /// Unknown.
    Maybe,
    /// The service itself refused it for the quota, before working.
    Refused,
    /// As `Refused`, but asks for more patience than a call has by default.
    RefusedForLong,
    /// A response that an intermediary may have written after the service did the work.
    Failed,
    /// A pooled connection had been closed by the other side.
    Stale,
    /// The token was refused, and there is no other.
    Unauthorized,
    /// The token was refused, and there is another.
    Reauthorized,
}

/// A fault: the head of its column, what happens, what that means, the kind of error when the attempts are spent.
struct Fault {
    head: &'static str,
    happens: &'static str,
    reached: Reached,
    kind: &'static str,
}

const FAULTS: &[Fault] = &[
    Fault { head: "refuse", happens: "the connection is refused", reached: Reached::No, kind: "Connect" },
    Fault {
        head: "reset before",
        happens: "the connection is reset before the service has read the request",
        reached: Reached::Maybe,
        kind: "Interrupted",
    },
    Fault {
        head: "reset after",
        happens: "the connection is reset after the service has read the request",
        reached: Reached::Maybe,
        kind: "Interrupted",
    },
    Fault {
        head: "head cut",
        happens: "the response ends within its head",
        reached: Reached::Maybe,
        kind: "Interrupted",
    },
    Fault {
        head: "body cut",
        happens: "the response ends within its body",
        reached: Reached::Maybe,
        kind: "Interrupted",
    },
    Fault {
        head: "slow body",
        happens: "the response takes longer than the time limit of an attempt",
        reached: Reached::Maybe,
        kind: "Timeout",
    },
    Fault {
        head: "429 short",
        happens: "429 in the documented form, with a wait of at most 30 s or with none",
        reached: Reached::Refused,
        kind: "RateLimited",
    },
    Fault {
        head: "429 long",
        happens: "429 in the documented form, with a wait of more than 30 s",
        reached: Reached::RefusedForLong,
        kind: "RateLimited",
    },
    Fault {
        head: "429 foreign",
        happens: "429 in another form, with a wait of at most 30 s or with none",
        reached: Reached::Failed,
        kind: "RateLimited",
    },
    Fault { head: "500", happens: "500", reached: Reached::Failed, kind: "Api" },
    Fault { head: "502 HTML", happens: "502 with an HTML page", reached: Reached::Failed, kind: "Api" },
    Fault { head: "503", happens: "503 without `Retry-After`", reached: Reached::Failed, kind: "Api" },
    Fault {
        head: "503 wait",
        happens: "503 with `Retry-After` of at most 30 s",
        reached: Reached::Failed,
        kind: "Api",
    },
    Fault {
        head: "stale",
        happens: "the pooled connection had been closed",
        reached: Reached::Stale,
        kind: "Interrupted",
    },
    Fault { head: "401", happens: "401", reached: Reached::Unauthorized, kind: "Unauthorized" },
    Fault {
        head: "401 replaced",
        happens: "401, and the credential has another token (a refreshed login, a key file that changed)",
        reached: Reached::Reauthorized,
        kind: "Unauthorized",
    },
];

/// Statuses that count as 500 does; a test of the library asks for each.
const LIKE_500: &str = "408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530, 598, 599";

/// The rule: how often a call of this class is attempted while the fault goes on, and how it ends.
fn cell(fault: &Fault, class: RetryClass) -> String {
    let harmless = class != RetryClass::UnsafeWrite;
    let attempts = match fault.reached {
        Reached::No | Reached::Refused => ATTEMPTS,
        Reached::Maybe | Reached::Failed if harmless => ATTEMPTS,
        Reached::Maybe | Reached::Failed | Reached::RefusedForLong | Reached::Unauthorized => 1,
        Reached::Reauthorized => 2,
        Reached::Stale if harmless => return "1-2, ok".to_owned(),
        Reached::Stale => return format!("1, ok or {}", fault.kind),
    };
    format!("{attempts}, {}", fault.kind)
}

fn in_words(reached: Reached) -> &'static str {
    match reached {
        Reached::No => "never sent: every operation is attempted again",
        Reached::Maybe => "the service may have done the work: only reads and idempotent writes are attempted again",
        Reached::Refused => "the service itself refused before working: every operation waits and is attempted again",
        Reached::RefusedForLong => {
            "the service itself refused before working, for longer than a call waits by default: the error says until when"
        }
        Reached::Failed => {
            "a proxy may have written it after the service did the work: only reads and idempotent writes are attempted again"
        }
        Reached::Unauthorized => "the token was refused: no operation is attempted again",
        Reached::Reauthorized => {
            "a proxy may have written it, but nobody checks a token after the work: every operation is attempted once more, with the other token"
        }
        Reached::Stale => {
            "if nothing was written, the connection layer takes a fresh connection within the same attempt; otherwise as \"reset before\""
        }
    }
}

fn spoken(class: RetryClass) -> &'static str {
    match class {
        RetryClass::Read => "read",
        RetryClass::IdempotentWrite => "idempotent write",
        RetryClass::UnsafeWrite => "unsafe write",
    }
}

/// The document.
pub(crate) fn table(program: &Program, source: &str) -> String {
    let mut text = format!("<!-- @generated by `cargo generate` from {source} and its curation; do not edit. -->\n");
    text.push_str("# Retry safety\n\n");
    text.push_str("What a call does while a fault goes on, with the default settings: how many attempts it makes, and how it ends\n");
    text.push_str("(`ErrorKind`). If the fault stops before the attempts are spent, the call succeeds; only a delete that had been\n");
    text.push_str("executed without a response then finds nothing (404), and its error says so. An operation's class says what a second\n");
    text.push_str("execution would do; it comes from `openapi/curation.toml`.\n\n");
    text.push_str("A call with an idempotency key is treated as an idempotent write.\n\n");
    text.push_str("An idempotent write that is repeated leaves the state that it asked for, and so undoes what another writer did between\n");
    text.push_str("the two executions: `update_task`, whose first response was lost, overwrites an edit that came meanwhile. `edit_task` reads\n");
    text.push_str("before it repeats and returns `Conflict` then; `update_task(..).attempts(1)` never repeats.\n\n");
    let heads: Vec<&str> = FAULTS.iter().map(|fault| fault.head).collect();
    let _ = writeln!(text, "| operation | class | {} |", heads.join(" | "));
    let _ = writeln!(text, "|---|---|{}", "---|".repeat(FAULTS.len()));
    for operation in program.groups.iter().flat_map(|group| &group.operations) {
        let cells: Vec<String> = FAULTS.iter().map(|fault| cell(fault, operation.retry)).collect();
        let _ = writeln!(text, "| {} | {} | {} |", operation.id, spoken(operation.retry), cells.join(" | "));
    }
    text.push_str("\n## The faults\n\n| fault | what happens | what that means |\n|---|---|---|\n");
    for fault in FAULTS {
        let _ = writeln!(text, "| {} | {} | {} |", fault.head, fault.happens, in_words(fault.reached));
    }
    let _ = write!(
        text,
        "\nThese statuses are treated as 500 is, whatever the body: {LIKE_500}.\nBut for 401 and 429, every other status is final: the same request would get the same response.\n"
    );
    text
}
