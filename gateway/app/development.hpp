// Development mode (`gatehouse run --dev`, and nothing else): what a production gateway must be told is made here and
// kept below data/, so that sessions and the browser's trust in the certificate survive a restart. Listeners are on
// loopback.
#pragma once
#include <string>

#include "config/configuration.hpp"

namespace gatehouse::app {

// Fills in what the configuration leaves empty: listeners, base_url, certificate, secret, upstream keys, database,
// a folder for mails.
// Files are made with mode 0600 in `data_directory`. Throws StartError when one cannot be written.
void fill_in_for_development(config::Configuration& configuration, const std::string& data_directory);

}  // namespace gatehouse::app
