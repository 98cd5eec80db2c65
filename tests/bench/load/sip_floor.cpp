// The kernel's share of a stateless UDP answer: receives in batches, puts a status line in place of
// the request line and sends the rest back. usage: sip_floor PORT [BATCH 1..64]
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

constexpr unsigned most = 64;
constexpr std::string_view ok = "SIP/2.0 200 OK";

std::array<std::array<char, 8192>, most> buffers;
std::array<sockaddr_in, most> sources;

int open_port(int port) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0), big = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_port = htons(static_cast<unsigned short>(port));
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return bind(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0 ? fd : -1;
}

void serve(int fd, unsigned batch) {
  std::array<mmsghdr, most> in{}, out{};
  std::array<iovec, most> received;
  std::array<std::array<iovec, 2>, most> answers;
  for (unsigned i = 0; i < batch; ++i) {
    received[i] = {buffers[i].data(), buffers[i].size()};
    in[i].msg_hdr = {&sources[i], sizeof sources[i], &received[i], 1, nullptr, 0, 0};
  }
  const int count = recvmmsg(fd, in.data(), batch, MSG_WAITFORONE, nullptr);
  for (unsigned i = 0; i < static_cast<unsigned>(count > 0 ? count : 0); ++i) {
    const std::string_view request(buffers[i].data(), in[i].msg_len);
    const auto line = std::min(request.find('\r'), request.size());
    answers[i][0] = {const_cast<char*>(ok.data()), ok.size()};
    answers[i][1] = {buffers[i].data() + line, request.size() - line};
    out[i].msg_hdr = {&sources[i], sizeof sources[i], answers[i].data(), 2, nullptr, 0, 0};
  }
  for (int sent = 0; sent < count;) {
    const int more = sendmmsg(fd, out.data() + sent, static_cast<unsigned>(count - sent), 0);
    sent += more > 0 ? more : 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int fd = argc > 1 ? open_port(std::atoi(argv[1])) : -1;
  const int batch = argc > 2 ? std::atoi(argv[2]) : 32;
  if (fd < 0 || batch < 1 || batch > static_cast<int>(most)) {
    std::fprintf(stderr, "usage: sip_floor PORT [BATCH 1..64] (is the port free?)\n");
    return 2;
  }
  for (;;) serve(fd, static_cast<unsigned>(batch));
}
