use onehorizon::{Configuration, Error};

pub async fn run(config: &Configuration) -> Result<usize, Error> {
    let list = config
        .request("GET", "/workspaces/{workspaceId}/tasks")
        .query("all", "true")
        .send::<serde_json::Value>()
        .await?;
    Ok(list["tasks"].as_array().map_or(0, Vec::len))
}
