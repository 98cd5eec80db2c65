#include "gb28181/manscdp/message.hpp"

#include <array>
#include <utility>

namespace gb28181::manscdp {
namespace {

struct Kind {
  Root root;
  std::string_view cmd_type;
};

// Root and CmdType that a body belongs to; none for Other and CommandResult.
struct KindOf {
  std::optional<Kind> operator()(const Other&) const { return std::nullopt; }
  std::optional<Kind> operator()(const CommandResult&) const { return std::nullopt; }
  std::optional<Kind> operator()(const Keepalive&) const { return {{Root::notify, "Keepalive"}}; }
  std::optional<Kind> operator()(const DeviceInfoQuery&) const {
    return {{Root::query, "DeviceInfo"}};
  }
  std::optional<Kind> operator()(const DeviceInfo&) const {
    return {{Root::response, "DeviceInfo"}};
  }
  std::optional<Kind> operator()(const CatalogQuery&) const { return {{Root::query, "Catalog"}}; }
  std::optional<Kind> operator()(const CatalogPage&) const { return {{Root::response, "Catalog"}}; }
  std::optional<Kind> operator()(const DeviceStatusQuery&) const {
    return {{Root::query, "DeviceStatus"}};
  }
  std::optional<Kind> operator()(const DeviceStatus&) const {
    return {{Root::response, "DeviceStatus"}};
  }
  std::optional<Kind> operator()(const MediaStatus&) const {
    return {{Root::notify, "MediaStatus"}};
  }
  std::optional<Kind> operator()(const Alarm&) const { return {{Root::notify, "Alarm"}}; }
  std::optional<Kind> operator()(const RequestKeyFrame&) const {
    return {{Root::control, "DeviceControl"}};
  }
};

}  // namespace

std::string_view to_string(Root root) {
  static constexpr std::array<std::string_view, 4> names = {"Query", "Control", "Notify",
                                                            "Response"};
  return names[static_cast<std::size_t>(root)];
}

bool operator==(const Message& a, const Message& b) {
  return a.root == b.root && a.cmd_type == b.cmd_type && a.sn == b.sn &&
         a.device_id == b.device_id && a.body == b.body;
}

Message make_message(std::uint64_t sn, std::string_view device_id, Body body) {
  Message message;
  message.sn = sn;
  message.device_id = device_id;
  if (const auto kind = std::visit(KindOf{}, body)) {
    message.root = kind->root;
    message.cmd_type = kind->cmd_type;
  }
  message.body = std::move(body);
  return message;
}

Message make_result(const Message& request, bool ok) {
  Message message;
  message.root = Root::response;
  message.cmd_type = request.cmd_type;
  message.sn = request.sn;
  message.device_id = request.device_id;
  message.body = CommandResult{ok};
  return message;
}

}  // namespace gb28181::manscdp
