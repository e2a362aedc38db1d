/* Preloaded into a process: writes every host that is looked up and every internet address
 * that is connected to into the file CONNECTION_WATCH, and lets none of them through. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void note(const char *what, const char *where) {
  FILE *file = fopen(getenv("CONNECTION_WATCH"), "a");
  if (file) {
    fprintf(file, "%s %s\n", what, where);
    fclose(file);
  }
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
  (void)service, (void)hints, (void)result;
  note("lookup", node ? node : "-");
  return EAI_FAIL;
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof text);
  } else {
    int (*original)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    return original(fd, address, length);
  }
  note("connect", text);
  errno = ECONNREFUSED;
  return -1;
}
