//! Credentials: API keys, OAuth access tokens, and providers of either.

mod key_file;

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::future::BoxFuture;
use crate::redact::Redactor;
use crate::secret::Secret;
use crate::setting::{self, Fault, Form};

const SCHEME: &str = "Bearer ";

/// What proves to the service who calls; it is sent as a bearer token and never printed.
#[derive(Clone)]
pub struct Credential {
    kind: CredentialKind,
    source: Source,
}

/// What a credential may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialKind {
    /// A workspace's API key: reads and writes work, may not manage API keys nor touch agent routes.
    ApiKey,
    /// A user's OAuth access token: may do what the user may.
    OauthToken,
    /// A token of which only the service knows the kind.
    Unknown,
}

#[derive(Clone)]
enum Source {
    Fixed(Arc<Token>),
    Provider(Arc<dyn TokenProvider>),
}

/// A token ready to be sent.
pub(crate) struct Token {
    pub(crate) secret: Secret,
    pub(crate) header: HeaderValue,
    /// Takes it out of what comes back.
    pub(crate) redactor: Redactor,
}

/// Gives out tokens that change over time, for instance refreshed OAuth tokens.
///
/// An error that is an [`Error`] becomes the call's error as it is; any other becomes the source of an `Unauthorized`.
pub trait TokenProvider: Send + Sync + 'static {
    /// The token to send now.
    fn token(&self) -> BoxFuture<'_, Result<Secret, Box<dyn StdError + Send + Sync>>>;

    /// A token to send instead of one that the service refused with 401, or `None` if there is none.
    ///
    /// Called at most once for a call. Many calls may report the same token: refresh once.
    fn replace(&self, refused: &Secret) -> BoxFuture<'_, Result<Option<Secret>, Box<dyn StdError + Send + Sync>>>;
}

impl Credential {
    /// A workspace's API key.
    ///
    /// # Errors
    /// `Config` if it is empty or has characters that no token has (white space, control characters).
    pub fn api_key(key: impl Into<Secret>) -> Result<Self, Error> {
        Self::fixed(CredentialKind::ApiKey, &key.into())
    }

    /// A user's OAuth access token.
    ///
    /// # Errors
    /// As [`api_key`](Self::api_key).
    pub fn oauth_token(token: impl Into<Secret>) -> Result<Self, Error> {
        Self::fixed(CredentialKind::OauthToken, &token.into())
    }

    /// A token of either kind: nothing is refused beforehand, the service decides.
    ///
    /// # Errors
    /// As [`api_key`](Self::api_key).
    pub fn access_token(token: impl Into<Secret>) -> Result<Self, Error> {
        Self::fixed(CredentialKind::Unknown, &token.into())
    }

    /// A workspace's API key that a file holds; see
    /// [`ConfigurationBuilder::api_key_file`](crate::ConfigurationBuilder::api_key_file).
    ///
    /// # Errors
    /// `Config`, naming the file, if it cannot be read or holds no key.
    pub fn api_key_file(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let file = key_file::KeyFile::open(path.into()).map_err(|fault| Error::new(ErrorKind::Config, fault))?;
        Ok(Self { kind: CredentialKind::ApiKey, source: Source::Provider(Arc::new(file)) })
    }

    /// OAuth access tokens from a provider.
    pub fn provider(provider: impl TokenProvider) -> Self {
        Self { kind: CredentialKind::OauthToken, source: Source::Provider(Arc::new(provider)) }
    }

    /// What it may be used for.
    #[must_use]
    pub fn kind(&self) -> CredentialKind {
        self.kind
    }

    pub(crate) fn fixed(kind: CredentialKind, secret: &Secret) -> Result<Self, Error> {
        let token = Token::new(secret, None)
            .map_err(|fault| Error::new(ErrorKind::Config, format!("the {} {fault}", kind.words())))?;
        Ok(Self { kind, source: Source::Fixed(Arc::new(token)) })
    }

    /// The token, if it need not be asked for.
    pub(crate) fn at_hand(&self) -> Option<Arc<Token>> {
        match &self.source {
            Source::Fixed(token) => Some(Arc::clone(token)),
            Source::Provider(_) => None,
        }
    }

    /// The token for one attempt.
    pub(crate) async fn token(&self) -> Result<Arc<Token>, Error> {
        match &self.source {
            Source::Fixed(token) => Ok(Arc::clone(token)),
            Source::Provider(provider) => {
                provided(provider.token().await.map(Some), None).transpose().unwrap_or_else(|| Err(no_token()))
            }
        }
    }

    /// Another token after a 401, if the credential can have one.
    pub(crate) async fn replace(&self, refused: &Token) -> Result<Option<Arc<Token>>, Error> {
        match &self.source {
            Source::Fixed(_) => Ok(None),
            Source::Provider(provider) => {
                let clean = |source: Box<dyn StdError + Send + Sync>| {
                    if source.is::<Error>() {
                        return source;
                    }
                    // A provider may quote what it was given.
                    refused.redactor.error(source).unwrap_or_else(|| "its error repeats the token".into())
                };
                provided(provider.replace(&refused.secret).await.map_err(clean), Some(refused))
            }
        }
    }
}

fn provided(
    result: Result<Option<Secret>, Box<dyn StdError + Send + Sync>>,
    refused: Option<&Token>,
) -> Result<Option<Arc<Token>>, Error> {
    let secret = result.map_err(|source| match source.downcast::<Error>() {
        Ok(error) => *error,
        Err(source) => Error::new(ErrorKind::Unauthorized, "could not obtain an access token from the provider")
            .with(|error| error.source = Some(source.into())),
    })?;
    secret
        .map(|secret| Token::new(&secret, refused).map(Arc::new))
        .transpose()
        .map_err(|fault| Error::new(ErrorKind::Config, format!("the provider's token {fault}")))
}

fn no_token() -> Error {
    Error::new(ErrorKind::Unauthorized, "the provider has no access token")
}

impl Token {
    /// A token that fits into a header; the fault completes a sentence and repeats nothing of the token. One that replaces a
    /// refused token keeps that one out of errors as well: a cached response may repeat it.
    fn new(secret: &Secret, refused: Option<&Self>) -> Result<Self, Fault> {
        let text = secret.expose();
        setting::check(Form::Token, text)?;
        let mut bearer = Zeroizing::new(String::with_capacity(SCHEME.len() + text.len()));
        bearer.push_str(SCHEME);
        bearer.push_str(text);
        // All copies of the header share these bytes, which are overwritten with the last of them.
        let mut header = HeaderValue::from_maybe_shared(Bytes::from_owner(bearer)).map_err(|_| Fault::NotAscii)?;
        header.set_sensitive(true);
        let redactor = Redactor::new([text].into_iter().chain(refused.map(|refused| refused.secret.expose())));
        Ok(Self { secret: secret.clone(), header, redactor })
    }
}

impl CredentialKind {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::ApiKey => "API key",
            Self::OauthToken => "OAuth token",
            Self::Unknown => "access token",
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({:?}, redacted)", self.kind)
    }
}
