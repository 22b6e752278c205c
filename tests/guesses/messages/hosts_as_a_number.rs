//! expect: is not a list of hosts
//! expect: expected a string such as "localhost,.internal.example", or an array or `Vec` of strings
use onehorizon::{Configuration, Error};

pub fn configure() -> Result<Configuration, Error> {
    Configuration::builder().api_key("key").no_proxy(7).build()
}
