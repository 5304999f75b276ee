//! The platform that speaks our own contract (`openapi.yaml`).

pub mod wire;
