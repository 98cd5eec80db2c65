#include "gateway/error.hpp"

#include <string>

namespace gateway {
namespace {

const char* words(Errc code) {
  switch (code) {
    case Errc::config_unreadable:
      return "the configuration file cannot be read";
    case Errc::config_syntax:
      return "the configuration is not TOML";
    case Errc::config_unknown_key:
      return "unknown configuration key";
    case Errc::config_wrong_type:
      return "wrong type of a configuration value";
    case Errc::config_out_of_range:
      return "configuration value out of range";
    case Errc::data_dir_unusable:
      return "the data directory cannot be used";
    case Errc::store_unusable:
      return "the database cannot be used";
    case Errc::store_newer:
      return "the database is of a newer version of gbgate";
    case Errc::no_entropy:
      return "the system gives no random numbers";
  }
  return "unknown error";
}

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "gateway"; }
  std::string message(int code) const override { return words(static_cast<Errc>(code)); }
};

}  // namespace

const boost::system::error_category& gateway_category() noexcept {
  static const Category category;
  return category;
}

}  // namespace gateway
