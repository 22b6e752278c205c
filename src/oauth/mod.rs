//! Logging users in with OAuth, and access tokens that refresh themselves.
//!
//! API keys can neither manage API keys nor touch agent routes: those need a person's access token. A person gives it
//! by the authorisation-code flow:
//!
//! 1. [`OauthApp`] knows the custom app that was made in Settings > Apps: its client id, its callback address and,
//!    for a server, its secret.
//! 2. [`OauthApp::login`] starts one [`Login`]: send the browser to [`Login::url`] and keep the `Login` in the user's
//!    session.
//! 3. The browser comes back to the callback address; [`Login::finish`] checks what it brings and gets the [`Tokens`].
//! 4. [`RefreshingCredential`] keeps them fresh and serves as the credential of a [`Configuration`](crate::Configuration).
//!    Where several processes share a login, a [`TokenStore`] lets one of them refresh and the others take its result.
//!
//! ```
//! # async fn example(callback: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use onehorizon::oauth::{OauthApp, RefreshingCredential};
//! use onehorizon::{Configuration, Secret};
//!
//! let app = OauthApp::builder("my-client-id", "https://app.example/callback").build()?;
//! let login = app.login()?;
//! println!("open {}", login.url());
//! // The browser comes back to https://app.example/callback?code=…&state=…
//! let tokens = login.finish(callback).await?;
//! let credential = RefreshingCredential::builder(&app, tokens)
//!     .on_refresh(|tokens| async move { save(&tokens).await })
//!     .build();
//! let configuration = Configuration::builder().credential(credential.into()).build()?;
//! # Ok(()) }
//! # async fn save(_: &onehorizon::oauth::Tokens) -> Result<(), std::io::Error> { Ok(()) }
//! ```
//!
//! Unless set otherwise: a login may take 10 minutes, a request to the token endpoint 30 s, saving new tokens 30 s; an access
//! token is replaced 60 s before its end, and while it is good no call waits longer than 2 s for a new one.
//!
//! What is known of the service: the endpoints, the scopes and the parameters were observed in an official example;
//! lifetimes of tokens, rotation of refresh tokens and a revocation endpoint are not documented, so this module works
//! with and without each of them. Where it had to choose, `docs/adr` says why.

mod address;
mod app;
mod builder;
mod credential;
mod error;
mod login;
mod login_state;
mod pkce;
mod refresh;
mod refresher;
mod shared_login;
mod single_flight;
mod token_endpoint;
pub mod token_store;
mod tokens;

pub use address::DEFAULT_SITE;
pub use app::OauthApp;
pub use builder::{DEFAULT_SCOPES, OauthAppBuilder};
pub use credential::{RefreshingBuilder, RefreshingCredential};
pub use error::{OauthError, OauthErrorCode, OauthErrorKind};
pub use login::{AuthorizationCode, Login};
pub use token_store::{FileTokens, MemoryTokens, TokenStore};
pub use tokens::Tokens;
