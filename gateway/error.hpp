// What can go wrong in the application's services. Each value says its cause; the words for people
// travel beside it (ConfigError, http::Refusal), because they name files, devices and figures.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <type_traits>

namespace gateway {

enum class Errc {
  config_unreadable = 1,  // the configuration file cannot be opened or read
  config_syntax,          // it is not TOML
  config_unknown_key,     // a key or section that does not exist
  config_wrong_type,      // a string where a number is due, ...
  config_out_of_range,    // a number beyond its bounds, a word that is no choice, a bad address
  data_dir_unusable,      // the data directory cannot be made, or a file in it written
  store_unusable,         // the database can neither be opened nor replaced by a new one
  store_newer,            // the database was written by a newer gbgate; it is left alone
  no_entropy,             // the system gives no random numbers
};

const boost::system::error_category& gateway_category() noexcept;

inline boost::system::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), gateway_category()};
}

template <class T>
using Result = boost::system::result<T>;

}  // namespace gateway

template <>
struct boost::system::is_error_code_enum<gateway::Errc> : std::true_type {};
