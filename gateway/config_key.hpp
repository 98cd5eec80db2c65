// The table of all configuration keys: how each is read into Config, checked, and written. Parsing,
// the environment, the example's test and the "did you mean" all follow from it. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/config.hpp"

namespace gateway {

// A TOML scalar or list of texts, or the text of an environment variable read as one.
using ConfigValue = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;

struct ConfigKeyRule {
  std::string section, name;  // a section may be one of a section: "sip.proxy"
  std::size_t type;           // index of ConfigValue's alternative
  // Takes a value of that type. The complaint when it is out of range: "must be 1 to 65535".
  std::function<std::optional<std::string>(Config&, const ConfigValue&)> set;
  std::function<ConfigValue(const Config&)> get;

  std::string full_name() const { return section + "." + name; }
};

std::span<const ConfigKeyRule> config_key_rules();

// The known key nearest to a mistyped one ("sip.prot" -> "sip.port"); empty when none is near.
std::string nearest_config_key(std::string_view name);
// The same for a section.
std::string nearest_config_section(std::string_view name);
bool is_config_section(std::string_view name);

// What no key alone can tell: the name of the key to blame and the complaint.
struct ConfigConflict {
  std::string key, complaint;
};
std::optional<ConfigConflict> find_config_conflict(const Config& config);

}  // namespace gateway
