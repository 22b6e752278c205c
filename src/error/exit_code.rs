//! Exit codes of command-line programs.

use super::{Error, ErrorKind};

impl Error {
    /// The exit code for a command-line program that this error ends, from `sysexits.h`.
    ///
    /// | code | name | kinds | meaning for a script |
    /// |---|---|---|---|
    /// | 75 | `EX_TEMPFAIL` | `RateLimited`, `Timeout`, `Interrupted`, `Conflict`; `Api` with 408, 503, 504 | try again later |
    /// | 69 | `EX_UNAVAILABLE` | `Connect` and other `Api` | the service cannot be reached or fails |
    /// | 77 | `EX_NOPERM` | `Unauthorized`, `Forbidden` | look at the credential |
    /// | 78 | `EX_CONFIG` | `Config` | look at the configuration |
    /// | 65 | `EX_DATAERR` | `Invalid`, `NotFound`, `Decode`, `TooLarge` | the data is not as it should be |
    ///
    /// After 75 and 69 a write may have been done; see [`was_sent`](Self::was_sent).
    ///
    /// ```
    /// # async fn run() -> Result<(), onehorizon::Error> { Ok(()) }
    /// # async fn example() {
    /// if let Err(error) = run().await {
    ///     eprintln!("{error}");
    ///     std::process::exit(error.exit_code().into());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.kind() {
            ErrorKind::RateLimited | ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::Conflict => 75,
            ErrorKind::Unauthorized | ErrorKind::Forbidden => 77,
            ErrorKind::Config => 78,
            ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Decode | ErrorKind::TooLarge => 65,
            _ if matches!(self.status(), Some(408 | 503 | 504)) => 75,
            _ => 69,
        }
    }
}
