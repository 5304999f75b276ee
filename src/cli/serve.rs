//! `platform serve`: the reference platform.

use std::{fs, io::Write as _, num::NonZeroU32};

use super::{Exit, args::ServeArguments, error::Error, operator::interrupted};
use crate::platform::server::{ServerConfig, parse_token_file, serve as run};

/// Serves until it is interrupted.
pub async fn serve(arguments: &ServeArguments) -> Result<Exit, Error> {
    let path = &arguments.token_file;
    let text = fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.clone(),
        source,
    })?;
    let tokens = parse_token_file(&text).map_err(|error| Error::Platform(Box::new(error)))?;
    let config = ServerConfig {
        listen: arguments.listen,
        database: arguments.database.clone(),
        tokens,
        rate: arguments.rate.and_then(NonZeroU32::new),
        seats: arguments.seats,
    };
    let ready = |address| {
        // Scripts read the port from here.
        let _ = writeln!(std::io::stdout(), "serving the platform on http://{address}");
    };
    run(config, ready, interrupted())
        .await
        .map_err(|error| Error::Platform(Box::new(error)))?;
    Ok(Exit::Done)
}
