mod entropy;

use std::{error::Error, thread::sleep, time::Duration};

use observe::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let entropy = entropy::Entropy::new("/proc/sys/kernel/random/entropy_avail")?;
    let engine = Engine::builder().collector(entropy).start()?;
    sleep(Duration::from_secs(2));

    println!("{:?}", engine.handle().latest(&"entropy.available".parse()?));
    println!("{:?}", engine.handle().collectors());
    Ok(())
}
