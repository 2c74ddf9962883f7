package fogbank;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.ServiceLoader;

/**
 * The function that a handler's name means: {@code package.Class}, which implements RequestHandler or
 * RequestStreamHandler, or {@code package.Class::method}.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/java-handler.html
 */
final class Handler {
    private final Object target;
    private final Method method;
    private final Type[] types;
    private final CustomPojoSerializer serializer;

    private Handler(Object target, Method method, Type[] types) {
        this.target = target;
        this.method = method;
        this.types = types;
        Iterator<CustomPojoSerializer> own = ServiceLoader.load(CustomPojoSerializer.class).iterator();
        serializer = own.hasNext() ? own.next() : null;
    }

    static Handler load(String name) throws Exception {
        String[] parts = name.split("::", 2);
        Class<?> type;
        try {
            type = Class.forName(parts[0]);
        } catch (ClassNotFoundException error) {
            throw new ClassNotFoundException("Class not found: " + parts[0]);
        }
        return parts.length == 2 ? ofMethod(type, parts[1]) : ofInterface(type);
    }

    private static Handler ofInterface(Class<?> type) throws Exception {
        boolean streams = RequestStreamHandler.class.isAssignableFrom(type);
        if (!streams && !RequestHandler.class.isAssignableFrom(type)) {
            throw new ClassCastException(
                    "Class " + type.getName() + " does not implement an appropriate handler interface");
        }
        Method method = (streams ? RequestStreamHandler.class : RequestHandler.class).getMethods()[0];
        Type[] types = method.getGenericParameterTypes();
        if (!streams) {
            types[0] = inputOf(type, new HashMap<>());
        }
        return new Handler(newInstance(type), method, types);
    }

    private static Handler ofMethod(Class<?> type, String name) throws Exception {
        Method best = null;
        for (Method method : type.getMethods()) {
            if (method.getName().equals(name) && !method.isBridge() && isBetter(method, best)) {
                best = method;
            }
        }
        if (best == null) {
            throw new NoSuchMethodException("No public method named " + name
                    + " with appropriate method signature found on class " + type.getName());
        }
        Object target = Modifier.isStatic(best.getModifiers()) ? null : newInstance(type);
        return new Handler(target, best, best.getGenericParameterTypes());
    }

    /** Of several methods with the name, the one that takes the context, then the one that takes the most. */
    private static boolean isBetter(Method method, Method best) {
        if (best == null) {
            return true;
        }
        boolean takes = takesContext(method);
        if (takes != takesContext(best)) {
            return takes;
        }
        return method.getParameterCount() > best.getParameterCount();
    }

    private static boolean takesContext(Method method) {
        Class<?>[] types = method.getParameterTypes();
        return types.length > 0 && types[types.length - 1] == Context.class;
    }

    private static Object newInstance(Class<?> type) throws Exception {
        try {
            return type.getConstructor().newInstance();
        } catch (NoSuchMethodException error) {
            throw new NoSuchMethodException("Class " + type.getName() + " has no public zero-argument constructor");
        }
    }

    /** What a RequestHandler takes, through whatever it derives from; `bound` are type variables that are known. */
    private static Type inputOf(Type type, Map<TypeVariable<?>, Type> bound) {
        Class<?> raw;
        if (type instanceof ParameterizedType) {
            ParameterizedType given = (ParameterizedType) type;
            raw = (Class<?>) given.getRawType();
            TypeVariable<?>[] names = raw.getTypeParameters();
            for (int i = 0; i < names.length; i++) {
                Type argument = given.getActualTypeArguments()[i];
                bound.put(names[i], bound.getOrDefault(argument, argument));
            }
        } else {
            raw = (Class<?>) type;
        }
        if (raw == RequestHandler.class) {
            return bound.getOrDefault(raw.getTypeParameters()[0], Object.class);
        }
        for (Type parent : raw.getGenericInterfaces()) {
            Type found = inputOf(parent, bound);
            if (found != null) {
                return found;
            }
        }
        return raw.getGenericSuperclass() == null ? null : inputOf(raw.getGenericSuperclass(), bound);
    }

    byte[] handle(RuntimeClient.Answer invocation) throws Exception {
        InputStream input = new ByteArrayInputStream(invocation.body);
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        Class<?>[] raw = method.getParameterTypes();
        Object[] arguments = new Object[types.length];
        for (int i = 0; i < types.length; i++) {
            if (raw[i] == Context.class) {
                arguments[i] = new LambdaContext(invocation);
            } else if (raw[i] == InputStream.class) {
                arguments[i] = input;
            } else if (raw[i] == OutputStream.class) {
                arguments[i] = output;
            } else if (serializer != null) {
                arguments[i] = serializer.fromJson(input, types[i]);
            } else {
                arguments[i] = Json.read(invocation.body, types[i]);
            }
        }
        method.setAccessible(true);
        Object answer = method.invoke(target, arguments);
        if (serializer != null && method.getReturnType() != void.class) {
            serializer.toJson(answer, output, method.getGenericReturnType());
        }
        return output.size() > 0 ? output.toByteArray() : Json.bytes(answer);
    }
}
