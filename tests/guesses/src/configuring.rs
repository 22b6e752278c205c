use onehorizon::quota::{MemoryQuota, Pacing, QuotaStore};

use crate::guess::*;

fn g57_from_env() -> anyhow::Result<TasksApi> {
    Ok(TasksApi::new(&Configuration::from_env()?))
}

fn g58_proxy() -> Result<Configuration, Error> {
    Configuration::builder().api_key("x").proxy("http://proxy:3128").no_proxy("localhost").build()
}

fn g59_authority() -> Result<Configuration, Error> {
    Configuration::builder().api_key("x").root_certificate_file("/x/ca.pem").root_certificate_pem(b"pem").build()
}

fn g60_key_file() -> Result<Configuration, Error> {
    Configuration::builder().api_key_file("/run/secrets/key").timeout(Duration::from_secs(5)).build()
}

fn g61_client() -> Result<Configuration, Error> {
    let client = reqwest::Client::builder().pool_max_idle_per_host(1);
    Configuration::builder().api_key("x").http_client_builder(client).user_agent("me/1").build()
}

fn g62_pacing() -> Result<Configuration, Error> {
    Configuration::builder().api_key("x").pacing(Pacing::documented()).retry(Retry::never()).build()
}

fn g63_workspace() -> Result<Configuration, Error> {
    Configuration::builder().oauth_token("x").workspace("w_1").base_url("https://onehorizon.ai/api/v1").build()
}

fn g64_exit_code(e: Error) -> std::process::ExitCode {
    e.exit_code().into()
}

fn g78_no_proxy(hosts: Vec<String>) -> Result<Configuration, Error> {
    let builder = Configuration::builder().api_key("x").no_proxy(["localhost", ".internal.example"]).no_proxy(&hosts);
    builder.no_proxy("localhost,.internal.example").build()
}

fn g93_quota_store() -> Pacing {
    Pacing::documented().store(MemoryQuota::new())
}

fn g94_shared_quota_store(shared: std::sync::Arc<dyn QuotaStore>) -> (Pacing, Pacing) {
    (Pacing::documented().store(shared.clone()), Pacing::documented().store(std::sync::Arc::new(MemoryQuota::new())))
}
