/* Preloaded into a process: writes every host that is looked up, every internet address that
 * is connected to, and every one beside DDS's own on this machine that datagrams are sent to,
 * into the file CONNECTION_WATCH, and lets none of them through. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void note(const char *what, const char *where) {
  FILE *file = fopen(getenv("CONNECTION_WATCH"), "a");
  if (file) {
    fprintf(file, "%s %s\n", what, where);
    fclose(file);
  }
}

static int is_internet(const struct sockaddr *address, char *text, socklen_t length) {
  text[0] = 0;
  if (address && address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, length);
  } else if (address && address->sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, length);
  }
  return text[0] != 0;
}

/* The loopback interface, and the group that DDS finds its participants by (RTPS 9.6.1.4.1). */
static int is_dds(const char *text) {
  return strncmp(text, "127.", 4) == 0 || strcmp(text, "239.255.0.1") == 0;
}

static int is_foreign(const struct sockaddr *address) {
  char text[INET6_ADDRSTRLEN];
  if (!is_internet(address, text, sizeof text) || is_dds(text)) {
    return 0;
  }
  note("send", text);
  errno = EACCES;
  return 1;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
  (void)service, (void)hints, (void)result;
  note("lookup", node ? node : "-");
  return EAI_FAIL;
}

struct hostent *gethostbyname(const char *name) {
  note("lookup", name);
  return NULL;
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
  char text[INET6_ADDRSTRLEN];
  if (!is_internet(address, text, sizeof text)) {
    int (*original)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    return original(fd, address, length);
  }
  note("connect", text);
  errno = ECONNREFUSED;
  return -1;
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *address,
               socklen_t length) {
  ssize_t (*original)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
      dlsym(RTLD_NEXT, "sendto");
  return is_foreign(address) ? -1 : original(fd, data, size, flags, address, length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  ssize_t (*original)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");
  return is_foreign(message->msg_name) ? -1 : original(fd, message, flags);
}
