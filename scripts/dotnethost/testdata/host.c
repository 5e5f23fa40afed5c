// The host of .NET as installers put it beside the frameworks.
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, const char **argv) {
  char self[PATH_MAX], root[PATH_MAX], library[PATH_MAX + 64];
  ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
  if (size < 0) return 1;
  self[size] = 0;
  strcpy(root, self);
  *strrchr(root, '/') = 0;
  snprintf(library, sizeof library, "%s/host/fxr/%s/libhostfxr.so", root, VERSION);
  void *host = dlopen(library, RTLD_LAZY);
  if (!host) return fprintf(stderr, "%s\n", dlerror()), 1;
  int (*run)(int, const char **, const char *, const char *, const char *) = dlsym(host, "hostfxr_main_startupinfo");
  return run ? run(argc, argv, self, root, "") : 1;
}
