// Package nvmltest gives tests a driver library to load: a stand-in for
// libnvidia-ml.so.1 in C, built on the spot against the header of go-nvml, and
// the scenarios of the nodes that it plays. So tests go the whole way
// through dlopen and cgo, in their own process or in a collector that they start.
//
//	library := nvmltest.Build(t)
//	world := filepath.Join(t.TempDir(), "world")
//	nvmltest.Node(2).WriteFile(world)
//	cmd.Env = append(os.Environ(),
//		"LD_LIBRARY_PATH="+filepath.Dir(library), nvmltest.ScenarioEnv+"="+world)
//
// As a driver has its device files, the stand-in has a file open and mapped while
// it is initialized: DeviceFile says which, and Open which processes have it.
//
// The stand-in notices at its next call that the file was replaced. A process
// keeps the library that it loads first, so both variants can't be used in one.
//
// Only tests may import this package.
package nvmltest
