//! What users meet first: configuration, credentials, responses and errors of single calls.

// mutants: src/apis src/configuration src/credential src/error src/limits src/options src/response src/secret
// mutants: src/blocking src/transport src/metadata src/redact src/setting src/runtime
// mutants-with: lib rotation engine fake oauth environment hostile

mod accounts;
mod bad_input;
mod behavior;
mod blocking;
mod bulk;
mod ci_report;
mod connections;
mod drivers;
mod early_refusal;
mod edit;
mod error_bodies;
mod exit_codes;
mod filters;
mod find_or_create;
mod key_file;
mod lists;
mod named_secrets;
mod network;
mod preview;
mod prism;
mod runtimes;
mod transport_cap;
mod whole;
mod words;
mod words_of_frameworks;
