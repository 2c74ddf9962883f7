package org.crac;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The hooks of SnapStart for Java, as AWS's runtimes bring them: this stands before the function's own copy.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-java.html
 */
public final class Core {
    private static final Context<Resource> GLOBAL = new Resources();

    private Core() {}

    public static Context<Resource> getGlobalContext() {
        return GLOBAL;
    }

    public static void checkpointRestore() {
        throw new UnsupportedOperationException("a function cannot take a snapshot of itself");
    }

    /** Nobody is kept here who is not kept elsewhere. Checkpoints go from the last resource to the first. */
    private static final class Resources extends Context<Resource> {
        private final List<WeakReference<Resource>> registered = new ArrayList<>();

        @Override
        public synchronized void register(Resource resource) {
            registered.add(new WeakReference<>(resource));
        }

        private synchronized List<Resource> present() {
            List<Resource> found = new ArrayList<>();
            for (WeakReference<Resource> each : registered) {
                Resource resource = each.get();
                if (resource != null) {
                    found.add(resource);
                }
            }
            return found;
        }

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) throws CheckpointException {
            CheckpointException failure = new CheckpointException();
            List<Resource> resources = present();
            Collections.reverse(resources);
            for (Resource resource : resources) {
                try {
                    resource.beforeCheckpoint(this);
                } catch (Exception error) {
                    failure.addSuppressed(error);
                }
            }
            if (failure.getSuppressed().length > 0) {
                throw failure;
            }
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) throws RestoreException {
            RestoreException failure = new RestoreException();
            for (Resource resource : present()) {
                try {
                    resource.afterRestore(this);
                } catch (Exception error) {
                    failure.addSuppressed(error);
                }
            }
            if (failure.getSuppressed().length > 0) {
                throw failure;
            }
        }
    }
}
