//! stub
pub fn start(_json: bool) {}
