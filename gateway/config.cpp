#include "gateway/config.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "gateway/config_key.hpp"
#include "sip/overload.hpp"

namespace gateway {
namespace {

constexpr std::size_t max_file_bytes = 16 * 1024 * 1024;  // a password per device fits
constexpr const char* type_words[] = {"true or false", "a whole number", "text in quotes",
                                      "a list of texts: [\"...\"]"};
constexpr std::size_t text_type = 2, list_type = 3;

// Reads one file's tables into a Config and remembers where each key stood.
class Reader {
 public:
  explicit Reader(std::string file_name) : file_name_(std::move(file_name)) {}

  std::optional<ConfigError> read(const toml::table& root) {
    for (const auto& [name, node] : root) {
      const std::string section(name.str());
      if (!is_config_section(section)) return unknown_section(section, node);
      if (!node.is_table())
        return complain(Errc::config_wrong_type, node,
                        section + " must be a table: [" + section + "]");
      if (auto error = read_section(section, *node.as_table())) return error;
    }
    return {};
  }

  std::optional<ConfigError> read_environment(const Environment& environment) {
    for (const ConfigKeyRule& rule : config_key_rules()) {
      const std::string variable = variable_name(rule);
      const char* word = environment(variable.c_str());
      if (!word) continue;
      if (auto error = set_from_environment(rule, variable, word)) return error;
    }
    return {};
  }

  std::optional<ConfigError> check() const {
    auto conflict = find_config_conflict(config_);
    if (!conflict) return {};
    auto place = places_.find(conflict->key);
    const std::string where = place == places_.end() ? "configuration" : place->second;
    return ConfigError{Errc::config_out_of_range,
                       fmt::format("{}: {} {}", where, conflict->key, conflict->complaint)};
  }

  Config take() { return std::move(config_); }

 private:
  std::string at(const toml::node& node) const {
    return fmt::format("{}:{}", file_name_, node.source().begin.line);
  }
  ConfigError complain(Errc code, const toml::node& node, const std::string& words) const {
    return {code, at(node) + ": " + words};
  }

  ConfigError unknown_section(const std::string& section, const toml::node& node) const {
    std::string words = fmt::format("unknown section [{}]", section);
    if (!node.is_table()) {
      words = fmt::format("unknown key {}", section);
      if (auto near = nearest_config_key(section); !near.empty())
        words += fmt::format("; did you mean {}?", near);
    } else if (auto near = nearest_config_section(section); !near.empty()) {
      words += fmt::format("; did you mean [{}]?", near);
    }
    return complain(Errc::config_unknown_key, node, words);
  }

  std::optional<ConfigError> read_section(const std::string& section, const toml::table& table) {
    for (const auto& [name, node] : table) {
      const std::string full_name = section + "." + std::string(name.str());
      std::optional<ConfigError> error;
      if (is_config_section(full_name))
        error = read_subsection(full_name, node);
      else if (full_name == "sip.passwords")
        error = read_words(node, full_name, config_.sip.passwords);
      else if (full_name == "sip.users")
        error = read_users(node, full_name);
      else if (full_name == "rtsp.users")
        error = read_words(node, full_name, config_.rtsp.users);
      else if (node.is_table())
        error = unknown_section(full_name, node);
      else
        error = read_key(full_name, node);
      if (error) return error;
    }
    return check_password_ids(table);
  }

  std::optional<ConfigError> read_subsection(const std::string& name, const toml::node& node) {
    if (node.is_table()) return read_section(name, *node.as_table());
    return complain(Errc::config_wrong_type, node, name + " must be a table: [" + name + "]");
  }

  std::optional<ConfigError> read_users(const toml::node& node, const std::string& name) {
    if (auto error = read_words(node, name, config_.sip.users)) return error;
    for (const auto& [user, secret] : config_.sip.users) {
      if (!secret.starts_with("ha1:") || is_hash(std::string_view(secret).substr(4))) continue;
      return complain(Errc::config_out_of_range, node,
                      fmt::format("{}.{}: \"ha1:\" must be followed by 32 hex digits", name, user));
    }
    return {};
  }
  static bool is_hash(std::string_view word) {
    return word.size() == 32 && word.find_first_not_of("0123456789abcdef") == word.npos;
  }

  std::optional<ConfigError> read_key(const std::string& full_name, const toml::node& node) {
    for (const ConfigKeyRule& rule : config_key_rules())
      if (rule.full_name() == full_name) return set(rule, node);
    std::string words = "unknown key " + full_name;
    if (auto near = nearest_config_key(full_name); !near.empty())
      words += fmt::format("; did you mean {}?", near);
    return complain(Errc::config_unknown_key, node, words);
  }

  static std::optional<ConfigValue> value_of(const toml::node& node) {
    if (auto* value = node.as_boolean()) return value->get();
    if (auto* value = node.as_integer()) return value->get();
    if (auto* value = node.as_string()) return value->get();
    const auto* list = node.as_array();
    if (!list) return {};
    std::vector<std::string> words;
    for (const auto& item : *list) {
      if (!item.is_string()) return {};
      words.push_back(item.as_string()->get());
    }
    return words;
  }

  std::optional<ConfigError> set(const ConfigKeyRule& rule, const toml::node& node) {
    auto value = value_of(node);
    if (!value || value->index() != rule.type)
      return complain(Errc::config_wrong_type, node,
                      fmt::format("{} must be {}", rule.full_name(), type_words[rule.type]));
    places_[rule.full_name()] = at(node);
    if (auto complaint = rule.set(config_, *value))
      return complain(Errc::config_out_of_range, node, rule.full_name() + " " + *complaint);
    return {};
  }

  std::optional<ConfigError> read_words(const toml::node& node, const std::string& name,
                                        std::map<std::string, std::string, std::less<>>& out) {
    const toml::table* table = node.as_table();
    if (!table)
      return complain(Errc::config_wrong_type, node,
                      fmt::format("{} must be a table: [{}]", name, name));
    for (const auto& [key, word] : *table) {
      if (!word.is_string() || word.as_string()->get().empty())
        return complain(Errc::config_wrong_type, word,
                        fmt::format("{}.{} must be text in quotes, not empty", name, key.str()));
      out[std::string(key.str())] = word.as_string()->get();
    }
    return {};
  }

  std::optional<ConfigError> check_password_ids(const toml::table& section) const {
    const toml::table* passwords = section["passwords"].as_table();
    if (!passwords) return {};
    for (const auto& [key, node] : *passwords)
      if (key.str().size() != 20 || key.str().find_first_not_of("0123456789") != key.str().npos)
        return complain(
            Errc::config_out_of_range, node,
            fmt::format("sip.passwords.{}: a device id must have 20 digits", key.str()));
    return {};
  }

  static std::string variable_name(const ConfigKeyRule& rule) {
    std::string name = "GBGATE_" + rule.section + "_" + rule.name;
    for (char& c : name)
      c = c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
  }

  static std::optional<ConfigValue> value_of(std::string_view word, std::size_t type) {
    if (type == text_type) return std::string(word);
    if (type == list_type) return words_of(word);
    if (type == 0) {
      if (word == "true" || word == "1") return true;
      if (word == "false" || word == "0") return false;
      return {};
    }
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) return {};
    return number;
  }

  static std::vector<std::string> words_of(std::string_view list) {
    std::vector<std::string> words;
    while (!list.empty()) {
      const auto word = list.substr(0, list.find(','));
      if (!word.empty()) words.emplace_back(word);
      list.remove_prefix(std::min(word.size() + 1, list.size()));
    }
    return words;
  }

  std::optional<ConfigError> set_from_environment(const ConfigKeyRule& rule,
                                                  const std::string& variable, const char* word) {
    auto value = value_of(word, rule.type);
    if (!value)
      return ConfigError{Errc::config_wrong_type,
                         fmt::format("environment: {} must be {}", variable,
                                     rule.type == text_type ? "text" : type_words[rule.type])};
    places_[rule.full_name()] = "environment";
    if (auto complaint = rule.set(config_, *value))
      return ConfigError{Errc::config_out_of_range,
                         fmt::format("environment: {} {}", variable, *complaint)};
    return {};
  }

  std::string file_name_;
  Config config_;
  std::map<std::string, std::string> places_;  // key -> "file:line"
};

ConfigResult<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return ConfigError{Errc::config_unreadable,
                       fmt::format("{}: cannot be opened: {}", path, std::strerror(errno))};
  std::string text;
  text.resize(max_file_bytes + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad())
    return ConfigError{Errc::config_unreadable, fmt::format("{}: cannot be read", path)};
  if (text.size() > max_file_bytes)
    return ConfigError{Errc::config_unreadable, fmt::format("{}: is larger than 16 MiB", path)};
  return text;
}

std::string toml_text(const ConfigValue& value) {
  if (auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (auto* word = std::get_if<std::string>(&value)) return '"' + *word + '"';
  const auto& words = std::get<std::vector<std::string>>(value);
  return words.empty() ? "[]" : fmt::format("[\"{}\"]", fmt::join(words, "\", \""));
}

}  // namespace

const char* to_string(Role role) {
  switch (role) {
    case Role::all:
      return "all";
    case Role::signalling:
      return "signalling";
    case Role::media:
      return "media";
  }
  return "";
}

const char* to_string(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return "trace";
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warn";
    case LogLevel::error:
      return "error";
  }
  return "";
}

const char* to_string(MediaTransport transport) {
  switch (transport) {
    case MediaTransport::udp:
      return "udp";
    case MediaTransport::tcp_passive:
      return "tcp-passive";
    case MediaTransport::tcp_active:
      return "tcp-active";
  }
  return "";
}

std::optional<MediaTransport> parse_media_transport(std::string_view word) {
  for (auto transport :
       {MediaTransport::udp, MediaTransport::tcp_passive, MediaTransport::tcp_active})
    if (word == to_string(transport)) return transport;
  return {};
}

sip::OverloadLimits SipConfig::overload_limits() const {
  sip::OverloadLimits limits;
  limits.transactions_percent = overload_transactions_percent;
  limits.backlog_percent = overload_backlog_percent;
  limits.sustained = overload_sustained;
  limits.wait = overload_retry_min;
  limits.spread = overload_retry_max - overload_retry_min;
  return limits;
}

bool Config::serves_tls() const {
  const auto is_secure = [](const std::string& listener) {
    return listener.starts_with("tls:") || listener.starts_with("wss:");
  };
  return sip_tls.enabled || (sip_websocket.enabled && sip_websocket.secure_port != 0) ||
         std::any_of(sip.listen.begin(), sip.listen.end(), is_secure);
}

ConfigResult<Config> parse_config(std::string_view text, const std::string& file_name,
                                  const Environment& environment) {
  Reader reader(file_name);
  try {
    const toml::table root = toml::parse(text, file_name);
    if (auto error = reader.read(root)) return *error;
  } catch (const toml::parse_error& error) {
    return ConfigError{
        Errc::config_syntax,
        fmt::format("{}:{}: {}", file_name, error.source().begin.line, error.description())};
  }
  if (auto error = reader.read_environment(environment)) return *error;
  if (auto error = reader.check()) return *error;
  return reader.take();
}

ConfigResult<Config> load_config(const std::string& path) {
  auto environment = [](const char* name) -> const char* { return std::getenv(name); };
  if (path.empty()) return parse_config("", "defaults", environment);
  auto text = read_file(path);
  if (!text) return text.error();
  return parse_config(*text, path, environment);
}

std::vector<ConfigKey> config_keys() {
  const Config defaults;
  std::vector<ConfigKey> keys;
  for (const ConfigKeyRule& rule : config_key_rules())
    keys.push_back({rule.full_name(), toml_text(rule.get(defaults))});
  return keys;
}

}  // namespace gateway
